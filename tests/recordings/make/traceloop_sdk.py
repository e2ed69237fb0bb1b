"""pip install traceloop-sdk openai anthropic, versions in the recordings."""

from __future__ import annotations

import os

from opentelemetry import trace
from running import Recorder
from traceloop.sdk import Traceloop
from traceloop.sdk.decorators import agent, task, tool, workflow
from traceloop.sdk.instruments import Instruments

Traceloop.init(
    app_name="shop",
    api_endpoint=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    api_key="test",
    telemetry_enabled=False,
    traceloop_sync_enabled=False,
    instruments={Instruments.OPENAI, Instruments.ANTHROPIC},
)

import anthropic
import openai
from asking import TOOL, chat, message, respond

packages = ["traceloop-sdk", "opentelemetry-instrumentation-openai", "openai", "anthropic"]
record = Recorder("traceloop", "sdk", packages, trace.get_tracer_provider())
client = openai.OpenAI(max_retries=0)
claude = anthropic.Anthropic(max_retries=0)


@task(name="summarise")
def summarise(words):
    return chat(client, words).choices[0].message.content


@tool(name="weather")
def weather(city):
    return f"SECRET-ANSWER 21 degrees in {city}"


@agent(name="forecaster")
def forecast(words):
    first = chat(client, f"[[tool]] {words}", tools=[TOOL])
    call = first.choices[0].message
    result = {
        "role": "tool",
        "tool_call_id": call.tool_calls[0].id,
        "content": weather("SECRET-PROMPT Paris"),
    }
    asked = {"role": "user", "content": f"SECRET-PROMPT {words}"}
    return chat(client, messages=[asked, call, result], tools=[TOOL]).choices[0].message.content


@workflow(name="report")
def report(words):
    return summarise(words) + forecast(words)


@workflow(name="both")
def both(words):
    chat(client, words)
    return message(claude, words).content[0].text


with record.recorded("workflow", "a workflow: a task and an agent with a tool, three chats"):
    report("[[cached]]")
with record.recorded("associations", "a workflow for a user and a tenant"):
    given = {"user_id": "u-7", "tenant": "acme", "session_id": "s-1"}
    Traceloop.set_association_properties(given)
    summarise("[[cached]]")
    Traceloop.set_association_properties({})
with record.recorded("two-providers", "a workflow with OpenAI and Claude, cached prompts"):
    both("[[cached]]")
with record.recorded("stream", "a task with a streamed chat"):

    @task(name="stream")
    def stream():
        chat(client, "[[cached]]", stream=True, stream_options={"include_usage": True})

    stream()
with record.recorded("responses", "a task with a call of responses"):

    @task(name="respond")
    def answer():
        return respond(client, "[[cached]] [[reasoning]]").output_text

    answer()
with record.recorded("error", "a workflow that fails with its chat"):
    report("[[error-429]]")
with record.recorded("prompt", "a chat with a prompt of the registry"):
    from traceloop.sdk.tracing.tracing import set_external_prompt_tracing_context

    set_external_prompt_tracing_context("SECRET-PROMPT {a}", {"a": "SECRET-PROMPT"}, 3)
    chat(client)
