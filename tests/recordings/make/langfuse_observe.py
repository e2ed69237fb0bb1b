"""pip install langfuse anthropic openai openinference-instrumentation-openai; langfuse 3, 4, 5.

Observations by decorator, their usage written by hand as Langfuse's documentation shows.
"""

from __future__ import annotations

from langfuse_setup import MAJOR

# isort: split
import anthropic
import openai
from langfuse import Langfuse, get_client, observe
from opentelemetry import trace
from running import Recorder

langfuse = Langfuse()
record = Recorder(
    "langfuse",
    f"observe-v{MAJOR}",
    ["langfuse", "anthropic", "openai"],
    trace.get_tracer_provider(),
)
claude = anthropic.Anthropic(max_retries=0)
gpt = openai.OpenAI(max_retries=0)


@observe(as_type="generation", name="claude")
def ask_claude(words="", split=False):
    text = f"SECRET-PROMPT {words}"
    answer = claude.messages.create(
        model="claude-sonnet-4-5",
        max_tokens=300,
        messages=[{"role": "user", "content": text}],
    )
    usage = answer.usage
    details = {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cache_read_input_tokens": usage.cache_read_input_tokens,
    }
    if split:
        details["input_cache_creation_5m"] = usage.cache_creation.ephemeral_5m_input_tokens
        details["input_cache_creation_1h"] = usage.cache_creation.ephemeral_1h_input_tokens
    else:
        details["cache_creation_input_tokens"] = usage.cache_creation_input_tokens
    get_client().update_current_generation(
        input=text, output=answer.content[0].text, model=answer.model, usage_details=details
    )
    return answer.content[0].text


@observe(as_type="generation", name="gpt")
def ask_gpt(words=""):
    answer = gpt.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": f"SECRET-PROMPT {words}"}]
    )
    usage = answer.usage
    cached = usage.prompt_tokens_details.cached_tokens
    thought = usage.completion_tokens_details.reasoning_tokens
    get_client().update_current_generation(
        model=answer.model,
        usage_details={
            "input": usage.prompt_tokens - cached,
            "input_cached_tokens": cached,
            "output": usage.completion_tokens - thought,
            "output_reasoning_tokens": thought,
            "total": usage.total_tokens,
        },
        metadata={"tenant": "acme", "id": answer.id},
    )


@observe(as_type="generation", name="raw")
def ask_raw(words=""):
    answer = gpt.chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": f"SECRET-PROMPT {words}"}]
    )
    get_client().update_current_generation(
        model=answer.model, usage_details=answer.usage.model_dump()
    )


@observe(as_type="embedding", name="embed")
def embed():
    answer = gpt.embeddings.create(model="text-embedding-3-small", input="SECRET-PROMPT")
    get_client().update_current_generation(
        model=answer.model, usage_details={"input": answer.usage.prompt_tokens}
    )


@observe(as_type="tool", name="weather")
def weather():
    return "SECRET-ANSWER sunny"


@observe(as_type="agent", name="planner")
def plan():
    ask_gpt("[[cached]]")
    weather()
    ask_claude("[[cached]] [[write5m]]")


with record.recorded("anthropic", "Anthropic's usage by hand, cache read and written"):
    ask_claude("[[cached]] [[write5m]]")
with record.recorded("anthropic-split", "Anthropic's usage by hand, the cache writes told apart"):
    ask_claude("[[cached]] [[write5m]] [[write1h]]", split=True)
with record.recorded("openai", "OpenAI's usage by hand in exclusive buckets"):
    ask_gpt("[[cached]] [[reasoning]]")
with record.recorded("openai-raw", "OpenAI's usage passed on as it came"):
    ask_raw("[[cached]] [[reasoning]]")
with record.recorded("embeddings", "an embedding by hand"):
    embed()
with record.recorded("agent", "an agent, two generations and a tool"):
    plan()
with record.recorded("error", "a generation that fails"):
    ask_gpt("[[error-503]]")
with record.recorded("manual", "a generation begun and ended by hand, with its first token"):
    from datetime import UTC, datetime

    generation = langfuse.start_observation(
        name="manual",
        as_type="generation",
        model="gpt-4o-mini",
        model_parameters={"max_tokens": 200, "stream": True},
        input="SECRET-PROMPT",
    )
    chunks = gpt.chat.completions.create(
        model="gpt-4o-mini",
        messages=[{"role": "user", "content": "SECRET-PROMPT"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    usage = None
    for chunk in chunks:
        if usage is None and chunk.choices:
            generation.update(completion_start_time=datetime.now(UTC))
        usage = chunk.usage or usage
    generation.update(
        output="SECRET-ANSWER",
        usage_details={"input": usage.prompt_tokens, "output": usage.completion_tokens},
        cost_details={"total": 0.001},
    )
    generation.end()
try:
    from openinference.instrumentation.openai import OpenAIInstrumentor
except ImportError:
    OpenAIInstrumentor = None
if OpenAIInstrumentor:
    OpenAIInstrumentor().instrument()
    record.packages["openinference-instrumentation-openai"] = __import__(
        "importlib.metadata"
    ).metadata.version("openinference-instrumentation-openai")
    with record.recorded("openinference", "by hand and by OpenInference at once"):
        ask_gpt("[[cached]] [[reasoning]]")
    with record.recorded(
        "openinference-alone", "OpenInference's span through Langfuse's processor"
    ):
        gpt.chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "SECRET-PROMPT [[cached]]"}],
        )
    from langfuse.openai import openai as wrapped

    with record.recorded("openinference-wrapper", "Langfuse's wrapper and OpenInference at once"):
        wrapped.OpenAI().chat.completions.create(
            model="gpt-4o-mini",
            messages=[{"role": "user", "content": "SECRET-PROMPT [[cached]]"}],
        )
