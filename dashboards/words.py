"""How the pages call things that have no name of their own."""

from __future__ import annotations

from finops.queries import Dimension

NAMELESS: dict[Dimension, str] = {
    "tenant": "unattributed",
    "model": "no model named",
    "provider": "no provider named",
}
REASONS = {
    "no_model": "no model was sent",
    "no_rate": "no rate is known for this model",
    "no_usage": "no token counts were sent",
}


def name_of(dimension: Dimension, value: str) -> str:
    return value or NAMELESS.get(dimension, f"no {dimension}")


IGNORED = {
    "no_dialect": "names nothing that tells of inference",
    "not_a_call": "steps around calls, or sent twice",
}
REFUSED = {
    "rejected": "spans or points left out",
    "malformed": "not OTLP",
    "too_large": "too large",
    "rate_limited": "more than agreed",
    "busy": "the collector was busy",
    "slow_client": "arrived too slowly",
    "wrong_content_type": "wrong content type",
    "forbidden": "key may not send",
}
DIALECTS = {
    "": "not understood",
    "finops": "Inferledger SDK",
    "gen_ai": "OpenTelemetry GenAI",
    "openinference": "OpenInference",
    "traceloop": "OpenLLMetry",
    "openlit": "OpenLIT",
    "langfuse": "Langfuse",
    "litellm": "LiteLLM",
    "vercel": "Vercel AI SDK",
    "pydantic_ai": "Pydantic AI, Logfire",
    "langsmith": "LangSmith",
    "posthog": "PostHog",
    "metrics": "GPUs and servers",
}


def name_of_dialect(dialect: str) -> str:
    return DIALECTS.get(dialect, dialect)
