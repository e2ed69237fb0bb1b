"""What the Langfuse scripts share: the client, sending to the sink. Imported before langfuse."""

from __future__ import annotations

import os
from importlib.metadata import version

SINK = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
os.environ.update(
    LANGFUSE_PUBLIC_KEY="pk-lf-test",
    LANGFUSE_SECRET_KEY="sk-lf-test",
    LANGFUSE_HOST=SINK,
    LANGFUSE_BASE_URL=SINK,
    LANGFUSE_TRACING_ENVIRONMENT="staging",
)
MAJOR = version("langfuse").partition(".")[0]
