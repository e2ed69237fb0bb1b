"""pip install langfuse openai; run with langfuse 3, 4 and 5, versions in the recordings."""

from __future__ import annotations

import os
from importlib.metadata import version

os.environ.update(
    LANGFUSE_PUBLIC_KEY="pk-lf-test",
    LANGFUSE_SECRET_KEY="sk-lf-test",
    LANGFUSE_HOST=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    LANGFUSE_BASE_URL=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    LANGFUSE_TRACING_ENVIRONMENT="staging",
    LANGFUSE_RELEASE="r-12",
)

from contextlib import nullcontext

from langfuse import Langfuse, observe
from langfuse.api import Prompt_Text
from langfuse.model import TextPromptClient
from langfuse.openai import openai
from opentelemetry import trace
from running import Recorder

try:
    from langfuse import propagate_attributes
except ImportError:
    propagate_attributes = None

langfuse = Langfuse()
major = version("langfuse").partition(".")[0]
record = Recorder(
    "langfuse", f"openai-v{major}", ["langfuse", "openai"], trace.get_tracer_provider()
)
client = openai.OpenAI(max_retries=0, timeout=2)
USAGE = {"stream_options": {"include_usage": True}}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "SECRET-PROMPT weather",
            "parameters": {
                "type": "object",
                "properties": {"city": {"type": "string"}},
                "required": ["city"],
            },
        },
    }
]


def ask(words="", **more):
    messages = [
        {"role": "system", "content": "SECRET-PROMPT Be short."},
        {"role": "user", "content": f"SECRET-PROMPT Why is the sky blue? {words}"},
    ]
    return client.chat.completions.create(
        messages=messages, **{"model": "gpt-4o-mini", "max_tokens": 200, **more}
    )


def stream(words="", **more):
    for _ in ask(words, stream=True, **more):
        pass


def respond(words="", **more):
    more = {"model": "gpt-5-mini", "max_output_tokens": 300, **more}
    return client.responses.create(
        input=f"SECRET-PROMPT Why? {words}", instructions="SECRET-PROMPT Be short.", **more
    )


with record.recorded("chat", "chat, cached prompt"):
    ask("[[cached]]", temperature=0.2)
with record.recorded("bare", "chat, usage without the details"):
    ask("[[bare]]")
with record.recorded("reasoning-tier", "chat, cached prompt, reasoning, tier of the answer"):
    ask("[[cached]] [[reasoning]] [[tier-flex]]", model="gpt-5", service_tier="auto")
with record.recorded("cache-write", "chat, prompt written to the cache and read from it"):
    ask("[[cached]] [[write5m]]", model="gpt-5")
with record.recorded("audio", "chat with audio in and out, cached prompt"):
    voice = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    ask("[[audio]] [[cached]]", model="gpt-4o-audio-preview", **voice)
with record.recorded("stream", "chat, streamed with usage, cached prompt, reasoning"):
    stream("[[cached]] [[reasoning]]", **USAGE)
with record.recorded("stream-no-usage", "chat, streamed without usage"):
    stream()
with record.recorded("stream-cut", "chat, the stream breaks off"):
    stream("[[cut]]", **USAGE)
with record.recorded("tool", "chat, a tool call and the answer with its result"):
    first = ask("[[tool]]", tools=TOOLS)
    call = first.choices[0].message.tool_calls[0]
    client.chat.completions.create(
        model="gpt-4o-mini",
        messages=[
            {"role": "user", "content": "SECRET-PROMPT [[tool]] [[cached]]"},
            first.choices[0].message,
            {"role": "tool", "tool_call_id": call.id, "content": "SECRET-ANSWER 21 degrees"},
        ],
        tools=TOOLS,
    )
with record.recorded("error-429", "chat, refused by the rate limit"):
    ask("[[error-429]]")
with record.recorded("error-400", "chat, streamed, a bad request"):
    stream("[[error-400]]")
with record.recorded("retry", "chat, the client asks again after a 500"):
    openai.OpenAI(max_retries=2).chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "SECRET-PROMPT [[retry-500]]"}]
    )
with record.recorded("timeout", "chat, no answer in time"):
    ask("[[timeout]]")
with record.recorded("responses", "responses, cached prompt, reasoning, tier"):
    respond("[[cached]] [[reasoning]] [[tier-priority]]", service_tier="auto")
with record.recorded("responses-stream", "responses, streamed, cached prompt, reasoning"):
    for _ in respond("[[cached]] [[reasoning]]", stream=True):
        pass
with record.recorded("embeddings", "embeddings of two texts"):
    texts = ["SECRET-PROMPT one", "SECRET-PROMPT two"]
    client.embeddings.create(model="text-embedding-3-small", input=texts)


@observe(as_type="retriever")
def look_up():
    client.embeddings.create(model="text-embedding-3-small", input="SECRET-PROMPT which")


@observe(name="answer-ticket")
def answer_ticket():
    attributes = {"user_id": "u-7", "session_id": "s-1", "tags": ["gold"]}
    metadata = {"tenant": "acme", "team": "support"}
    if propagate_attributes is None:
        langfuse.update_current_trace(name="ticket", metadata=metadata, **attributes)
        context = nullcontext()
    else:
        context = propagate_attributes(trace_name="ticket", metadata=metadata, **attributes)
    with context:
        look_up()
        prompt = TextPromptClient(
            Prompt_Text(
                name="short-answer",
                version=3,
                prompt="SECRET-PROMPT {{x}}",
                type="text",
                config={},
                labels=[],
                tags=[],
                isActive=True,
            )
        )
        ask("[[cached]]", langfuse_prompt=prompt, name="answer", metadata={"feature": "reply"})
        ask("[[error-500]] [[x]]", name="second")


with record.recorded("chain", "a chain of a retriever, an answer and an error, with its user"):
    answer_ticket()


@observe(as_type="generation", name="wrapper")
def wrapped():
    return ask("[[cached]]").choices[0].message.content


with record.recorded("generation-around", "a generation by decorator around the wrapped client"):
    wrapped()
with record.recorded("raw", "chat through with_raw_response"):
    client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "SECRET-PROMPT"}]
    ).parse()
