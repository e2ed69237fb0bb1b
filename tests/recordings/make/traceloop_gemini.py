"""pip install opentelemetry-instrumentation-google-generativeai google-genai, versions in the
recordings."""

from __future__ import annotations

from opentelemetry.instrumentation.google_generativeai import GoogleGenerativeAiInstrumentor
from running import Recorder, trace_everything
from scenes_gemini import play

GoogleGenerativeAiInstrumentor().instrument(tracer_provider=trace_everything())
packages = ["opentelemetry-instrumentation-google-generativeai", "google-genai"]
record = Recorder("traceloop", "gemini", packages)
play(record)
