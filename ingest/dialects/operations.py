"""What columns of words may hold, and which operations are inference."""

from __future__ import annotations

# What an operation is called that is no inference in its dialect.
NO_OPERATION = "none"
# A call to a model, whether or not the answer came.
INFERENCE = ("chat", "text_completion", "generate_content", "embeddings")
# Steps around calls. Some emitters repeat on them the usage of the calls below, so that they never
# become calls; fetch_response reads an answer that was paid for before.
NOT_INFERENCE = (
    "execute_tool",
    "invoke_agent",
    "create_agent",
    "invoke_workflow",
    "plan",
    "fetch_response",
    "create_memory_store",
    "delete_memory_store",
    "create_memory",
    "update_memory",
    "upsert_memory",
    "delete_memory",
    "search_memory",
    "tool",
    "agent",
    "workflow",
    "task",
    "chain",
)
OUTCOMES = ("ok", "error", "timeout", "rate_limited", "oom", "cancelled")
CACHE_LAYERS = ("none", "exact", "semantic", "retrieval", "embedding")
USAGE_SOURCES = ("provider", "estimated", "missing")
