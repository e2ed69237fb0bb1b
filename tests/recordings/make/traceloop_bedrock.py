"""pip install opentelemetry-instrumentation-bedrock boto3, versions in the recordings."""

from __future__ import annotations

from opentelemetry.instrumentation.bedrock import BedrockInstrumentor
from running import Recorder, trace_everything
from scenes_bedrock import play

BedrockInstrumentor().instrument(tracer_provider=trace_everything())
record = Recorder("traceloop", "bedrock", ["opentelemetry-instrumentation-bedrock", "boto3"])

play(record)
