"""Which attributes carry prompts, answers or documents: these never reach the disk."""

from __future__ import annotations

import json
import re
from typing import Any

# Whole keys, and every key below them (`llm.input_messages` covers `llm.input_messages.0.message`).
CONTENT = (
    # OpenTelemetry GenAI, newest and older
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.description",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.content",
    "gen_ai.retrieval.query",
    "gen_ai.retrieval.documents",
    # OpenInference
    "input.value",
    "output.value",
    "llm.input_messages",
    "llm.output_messages",
    "llm.prompts",
    "llm.choices",
    "llm.completions",
    "llm.tools",
    "llm.function_call",
    "llm.prompt_template.template",
    "llm.prompt_template.variables",
    "embedding.embeddings",
    "embedding.vector",
    "retrieval.documents",
    "reranker.query",
    "reranker.input_documents",
    "reranker.output_documents",
    "document.content",
    "message",
    "messages",
    "message_content",
    "tool.description",
    "tool.parameters",
    "tool.json_schema",
    "tool_call.function.arguments",
    "image.url",
    "audio.url",
    "audio.transcript",
    # other instrumentations
    "traceloop.entity.input",
    "traceloop.entity.output",
    "traceloop.prompt.template",
    "traceloop.prompt.template_variables",
    "langfuse.trace.input",
    "langfuse.trace.output",
    "langfuse.observation.input",
    "langfuse.observation.output",
    "langfuse.observation.metadata.inputs",
    "langfuse.observation.metadata.instructions",
    "langfuse.observation.metadata.outputs",
    "langfuse.observation.metadata.prompt",
    "langfuse.observation.metadata.tools",
    "langfuse.experiment",
    "langsmith.request.headers",
    "gen_ai.request.extra_body",
    "gen_ai.request.extra_query",
    "gen_ai.serialized.doc",
    "metadata.requester_metadata",
    "metadata.spend_logs_metadata",
    "metadata.mcp_tool_call_metadata",
    "metadata.vector_store_request_metadata",
    "metadata.prompt_management_metadata",
    "metadata.requester_custom_headers",
    "metadata.user_api_key_user_email",
    "litellm.guardrail.response",
    "litellm.provider.error.stack_trace",
    "guardrail_response",
    "hidden_params",
    "llm.request.functions",
    "error.message",
    "error.stack_trace",
    "$ai_input",
    "$ai_input_state",
    "$ai_instructions",
    "$ai_output",
    "$ai_output_choices",
    "$ai_output_state",
    "$ai_tools",
    "ai.prompt",
    "ai.response.text",
    "ai.response.object",
    "ai.response.toolCalls",
    "ai.response.reasoning",
    "ai.toolCall.args",
    "ai.toolCall.result",
    "ai.value",
    "ai.values",
    "ai.embedding",
    "ai.embeddings",
    "ai.response.files",
    "ai.request.text",
    "ai.request.headers",
    "ai.schema",
    "ai.documents",
    "ai.ranking",
    "ai.decision",
    "all_messages",
    "all_messages_events",
    "pydantic_ai.all_messages",
    "events",
    "final_result",
    "genkit:input",
    "genkit:output",
    "mastra.agent_run",
    "mastra.mcp_tool_call",
    "mastra.metadata.body",
    "mastra.metadata.headers",
    "mastra.metadata.request",
    "mastra.model_chunk",
    "mastra.model_generation",
    "mastra.model_step",
    "mastra.processor_run",
    "mastra.tool_call",
    "mastra.workflow_run",
    "mastra.workflow_step",
    "inputs",
    "embeddings",
    "model_request_parameters",
    "tool_arguments",
    "tool_response",
    "response_data",
    "system_prompt",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response",
    "gcp.vertex.agent.data",
    # OpenLIT, Traceloop and what they say of frameworks
    "crewai",
    "gen_ai.agent.action.log",
    "gen_ai.agent.action.tool_input",
    "gen_ai.agent.actions",
    "gen_ai.agent.actual_output",
    "gen_ai.agent.context",
    "gen_ai.agent.expected_output",
    "gen_ai.agent.final_result",
    "gen_ai.agent.finish.output",
    "gen_ai.agent.goal",
    "gen_ai.agent.human_input",
    "gen_ai.agent.instructions",
    "gen_ai.agent.next_goal",
    "gen_ai.agent.step_messages",
    "gen_ai.agent.tool_results",
    "gen_ai.assistant.message",
    "gen_ai.execution.input",
    "gen_ai.execution.output",
    "gen_ai.extraction.instruction",
    "gen_ai.framework.error.message",
    "gen_ai.framework.pipeline.input_data",
    "gen_ai.framework.pipeline.output_data",
    "gen_ai.framework.query.text",
    "gen_ai.framework.text.processed",
    "gen_ai.knowledge.search.query",
    "gen_ai.memory.input",
    "gen_ai.memory.search.query",
    "gen_ai.message",
    "gen_ai.request.speech.prompt",
    "gen_ai.request.structured_output_schema",
    "gen_ai.response.audio.text",
    "gen_ai.system.message",
    "gen_ai.task.description",
    "gen_ai.task.expected_output",
    "gen_ai.task.input",
    "gen_ai.task.output",
    "gen_ai.tool.args",
    "gen_ai.tool.input",
    "gen_ai.tool.input_kwargs",
    "gen_ai.tool.message",
    "gen_ai.tool.output",
    "gen_ai.tool.result",
    "gen_ai.user.message",
    "gen_ai.vectordb.search.query",
    "gen_ai.workflow.input",
    "gen_ai.workflow.output",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    # names that applications and frameworks give to texts without a convention
    "prompt",
    "completion",
    "tool.input",
    "tool.output",
    "retrieval.query",
    "gen_ai.request.prompt",
    "gen_ai.response.text",
    "logfire.msg",
    # addresses may carry keys and queries
    "url.full",
    "url.query",
    "http.url",
    "http.target",
    "exception.message",
    "exception.stacktrace",
    "http.request.body",
    "http.response.body",
    # Keys of providers and cookies of users.
    "http.request.header",
    "http.response.header",
    "db.query.text",
    "db.statement",
    "mcp.request.argument",
)
# Names and versions of prompts share a prefix with the prompts themselves.
NOT_CONTENT = frozenset(
    {"gen_ai.prompt.name", "gen_ai.prompt.version", "gen_ai.prompt.id", "ai.prompt.name"}
)

# LiteLLM's JSON of what its users don't see; it says whether its own cache answered.
HIDDEN_PARAMETERS = "hidden_params"

# Content that may be a provider's answer as JSON: what it says in ids, names and counts is kept as
# attributes of ours. Their prefix is no one else's: at the door it is taken off what clients send.
ANSWERS = frozenset(
    {
        "output.value",
        "langfuse.observation.output",
        "gen_ai.completion",
        "gcp.vertex.agent.llm_response",
        "response_data",
        "genkit:output",
    }
)
DOOR = "door:"
# Spans around calls, which may carry the answer of a call inside them.
KIND = "openinference.span.kind"
KINDS_OF_CALLS = frozenset({"LLM", "EMBEDDING", "RERANKER"})
# Events that mark the first token of an answer.
FIRST_TOKEN_EVENTS = frozenset(
    {
        "First Token Stream Event",
        "new_token",
        "first_token",
        "gen_ai.content.completion.chunk",
        "llm.content.completion.chunk",
    }
)

# Scopes that name spans after what an agent was told to do, with the kind of span at the end.
NAMED_BY_CONTENT = frozenset({"opentelemetry.instrumentation.crewai.instrumentation"})

# JSON texts of everything that a client passed; only these parts of them are kept.
INVOCATION_PARAMETERS = frozenset(
    {"llm.invocation_parameters", "embedding.invocation_parameters", "request_data"}
)
KEPT_PARAMETERS = frozenset(
    {
        "model",
        "model_name",
        "model_id",
        "stream",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "temperature",
        "top_p",
        "n",
        "seed",
        "service_tier",
        "reasoning_effort",
        "dimensions",
    }
)

# What a status message may keep: the names of errors, a status, and words that tell the outcome.
TELLING = re.compile(
    r"\b[A-Z]\w*(?:Error|Exception|Exit|Timeout|Interrupt)\b"
    r"|\b[45]\d\d\b"
    r"|(?i:rate.?limit|too.?many.?requests|resource.?exhausted|throttl|time.?out|timed out|deadline"
    r"|cancel|abort|disconnect|out.?of.?memory|\boom\b)"
)
LONGEST_FAILURE = 200
# Attributes that are status messages too.
FAILURE_TEXTS = frozenset({"langfuse.observation.status_message", "$ai_error"})

# JSON texts in which a counter of ours may be found beside text; only numbers, flags and these
# names are kept.
FACT_TEXTS = frozenset({"ai.response.providerMetadata", "ai.telemetry.metadata.langfusePrompt"})
KEPT_NAMES = frozenset(
    {"serviceTier", "service_tier", "trafficType", "responseId", "name", "version"}
)

# What follows `llm.` in other names of two parts or more.
NOT_PROVIDERS = frozenset(
    {"token_count", "usage", "request", "response", "cost", "chat", "prompt_template", "latency"}
)

_ROOTS = frozenset(CONTENT)


def is_content(key: str) -> bool:
    """Say whether an attribute of this name carries text that isn't ours to keep."""
    if key in NOT_CONTENT:
        return False
    if key in _ROOTS:
        return True
    at = key.find(".")
    while at > 0:
        if key[:at] in _ROOTS:
            return True
        at = key.find(".", at + 1)
    return is_raw(key)


def is_raw(key: str) -> bool:
    """Say whether LiteLLM passes on a part of a provider's request or answer under this name.

    It names them llm.PROVIDER.MEMBER, whatever the provider is called, and gen_ai.tool.NUMBER.PART.
    """
    if key.startswith("gen_ai.tool."):
        return key[12:13].isdigit()
    first, _, rest = key.partition(".")
    second, _, member = rest.partition(".")
    return first == "llm" and member != "" and second not in NOT_PROVIDERS


def keep_parameters(text: str) -> str:
    """Reduce invocation parameters to numbers, flags and short names of the allowed keys."""
    try:
        given: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(given, dict):
        return ""
    kept = {
        key: value
        for key, value in given.items()
        if key in KEPT_PARAMETERS
        and (isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) < 100))
    }
    return json.dumps(kept, separators=(",", ":"))


def keep_failure(message: str) -> str:
    """Reduce a status message, which may quote a prompt, to the words that tell what failed."""
    told = dict.fromkeys(match.group() for match in TELLING.finditer(message[:1024]))
    return " ".join(told)[:LONGEST_FAILURE]


def keep_facts(text: str) -> str:
    """Reduce a JSON text to its numbers, its flags and the names that are kept."""
    try:
        return json.dumps(facts_of(json.loads(text)), separators=(",", ":"))
    except (ValueError, RecursionError):
        return ""


def facts_of(given: Any) -> Any:
    if not isinstance(given, dict):
        return {}
    inner = {key: facts_of(value) for key, value in given.items() if isinstance(value, dict)}
    plain = {
        key: value
        for key, value in given.items()
        if isinstance(value, bool | int | float)
        or (key in KEPT_NAMES and isinstance(value, str) and len(value) < 100)
    }
    return plain | {key: value for key, value in inner.items() if value}
