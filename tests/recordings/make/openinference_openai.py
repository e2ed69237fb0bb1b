"""pip install openai openinference-instrumentation-openai, versions in the recordings."""

from __future__ import annotations

import base64

import openai
from openinference.instrumentation.openai import OpenAIInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
OpenAIInstrumentor().instrument(tracer_provider=provider)
record = Recorder("openinference", "openai", ["openinference-instrumentation-openai", "openai"])
client = openai.OpenAI(max_retries=0, timeout=2)
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
    more = {"model": "gpt-4o-mini", "max_tokens": 200, **more}
    return client.chat.completions.create(messages=messages, **more)


def stream(words="", **more):
    for _ in ask(words, stream=True, **more):
        pass


def respond(words="", **more):
    more = {"model": "gpt-5-mini", "max_output_tokens": 300, **more}
    return client.responses.create(input=f"SECRET-PROMPT Why? {words}", **more)


with record.recorded("chat", "chat, cached prompt"):
    ask("[[cached]]", user="u-7", temperature=0.2)
with record.recorded("reasoning-tier", "chat, cached prompt, reasoning, tier of the answer"):
    more = {"max_tokens": openai.omit, "max_completion_tokens": 900, "service_tier": "auto"}
    ask("[[cached]] [[reasoning]] [[tier-flex]]", model="gpt-5", **more)
with record.recorded("audio", "chat with audio in and out"):
    voice = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}
    ask("[[audio]]", model="gpt-4o-audio-preview", **voice)
with record.recorded("stream", "chat, streamed with usage, cached prompt"):
    stream("[[cached]]", stream_options={"include_usage": True})
with record.recorded("stream-no-usage", "chat, streamed without usage"):
    stream()
with record.recorded("stream-tool", "chat, streamed, a tool call"):
    stream("[[tool]]", tools=TOOLS, stream_options={"include_usage": True})
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
with record.recorded("error-400", "chat, a bad request"):
    ask("[[error-400]]", stream=True)
with record.recorded("retry", "chat, the client asks again after a 500"):
    openai.OpenAI(max_retries=2).chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "SECRET-PROMPT [[retry-500]]"}]
    )
with record.recorded("timeout", "chat, no answer in time"):
    ask("[[timeout]]")
with record.recorded("stream-cut", "chat, the stream breaks off"):
    stream("[[cut]]", stream_options={"include_usage": True})
with record.recorded("responses", "responses, cached prompt, reasoning, tier"):
    respond("[[cached]] [[reasoning]] [[tier-priority]]", service_tier="auto")
with record.recorded("responses-stream", "responses, streamed, cached prompt, reasoning"):
    for _ in respond("[[cached]] [[reasoning]]", stream=True):
        pass
with record.recorded("responses-tool", "responses, a tool call"):
    tool = {"type": "function", **TOOLS[0]["function"], "strict": False}
    respond("[[tool]]", tools=[tool], instructions="SECRET-PROMPT Be short.")
with record.recorded("embeddings", "embeddings of two texts"):
    texts = ["SECRET-PROMPT one", "SECRET-PROMPT two"]
    client.embeddings.create(model="text-embedding-3-small", input=texts)
with record.recorded("parse", "structured output", answer='{"colour": "SECRET-ANSWER"}'):
    from pydantic import BaseModel

    class Sky(BaseModel):
        colour: str

    client.chat.completions.parse(
        model="gpt-4o",
        messages=[{"role": "user", "content": "SECRET-PROMPT [[cached]]"}],
        response_format=Sky,
    )
with record.recorded("session", "chat in a session of a user, with metadata and a prompt template"):
    from openinference.instrumentation import using_attributes

    with using_attributes(
        session_id="s-1",
        user_id="u-7",
        metadata={"tenant": "acme"},
        tags=["x"],
        prompt_template="SECRET-PROMPT {city}",
        prompt_template_version="v3",
        prompt_template_variables={"city": "SECRET-PROMPT Paris"},
    ):
        ask()
with record.recorded("raw", "chat through with_raw_response"):
    client.chat.completions.with_raw_response.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "SECRET-PROMPT"}]
    ).parse()
with record.recorded("image", "chat with a picture"):
    data = base64.b64encode(b"SECRET-PROMPT").decode()
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    text = {"type": "text", "text": "SECRET-PROMPT [[image]] [[cached]]"}
    client.chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": [text, part]}]
    )
