"""What columns of words may hold, and which operations are inference."""

from __future__ import annotations

# What an operation is called that is no inference in its dialect.
NO_OPERATION = "none"
# A call to a model, whether or not the answer came.
INFERENCE = ("chat", "text_completion", "generate_content", "embeddings")
# Steps around calls. Some emitters put on them the usage of the calls below, and for some of these
# no span below exists: such a step is a call if it carries usage, and the charge job counts it only
# if no other call lies inside it.
AGGREGATES = (
    "execute_tool",
    "invoke_agent",
    "create_agent",
    "invoke_workflow",
    "plan",
    "tool",
    "agent",
    "workflow",
    "task",
    "chain",
)
# What is no inference, whatever it carries; fetch_response reads an answer that was paid before.
NOT_INFERENCE = (
    "fetch_response",
    "create_memory_store",
    "delete_memory_store",
    "create_memory",
    "update_memory",
    "upsert_memory",
    "delete_memory",
    "search_memory",
)
OUTCOMES = ("ok", "error", "timeout", "rate_limited", "oom", "cancelled")
CACHE_LAYERS = ("none", "exact", "semantic", "retrieval", "embedding")
USAGE_SOURCES = ("provider", "estimated", "missing")
