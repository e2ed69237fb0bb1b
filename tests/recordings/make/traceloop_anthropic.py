"""pip install opentelemetry-instrumentation-anthropic anthropic, versions in the recordings."""

from __future__ import annotations

from importlib.metadata import version

from opentelemetry.instrumentation.anthropic import AnthropicInstrumentor
from running import Recorder, trace_everything
from scenes_anthropic import play

AnthropicInstrumentor().instrument(tracer_provider=trace_everything())
packages = ["opentelemetry-instrumentation-anthropic", "anthropic"]
# From its version 2 on the client traces itself beside any instrumentation.
traces_itself = int(version("anthropic").partition(".")[0]) >= 2
record = Recorder("traceloop", "anthropic2" if traces_itself else "anthropic", packages)
play(record)
