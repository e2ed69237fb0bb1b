"""pip install langsmith[otel] openai anthropic langchain langchain-openai langchain-anthropic.

LANGSMITH_OTEL_ENABLED and LANGSMITH_OTEL_ONLY: runs leave as OpenTelemetry spans, and only so.
"""

from __future__ import annotations

import os

os.environ.update(
    LANGSMITH_TRACING="true",
    LANGSMITH_OTEL_ENABLED="true",
    LANGSMITH_OTEL_ONLY="true",
    LANGSMITH_API_KEY="lsv2_pt_test",
    LANGSMITH_ENDPOINT=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
    LANGSMITH_PROJECT="shop-project",
)

import anthropic
import openai
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from langsmith import Client, traceable
from langsmith.run_helpers import tracing_context
from langsmith.wrappers import wrap_anthropic, wrap_openai
from running import Recorder, trace_everything

provider = trace_everything()
langsmith = Client()


class Flush:
    """The client hands its runs to OpenTelemetry in a thread of its own."""

    def force_flush(self):
        from langchain_core.tracers.langchain import wait_for_all_tracers

        wait_for_all_tracers()
        langsmith.flush()
        provider.force_flush()


PACKAGES = ["langsmith", "openai", "anthropic"]
record = Recorder("langsmith", "python", PACKAGES, Flush())
gpt = wrap_openai(openai.OpenAI(max_retries=0, timeout=2))
claude = wrap_anthropic(anthropic.Anthropic(max_retries=0))
# One client for all, so that it can be flushed.
context = tracing_context(client=langsmith, enabled=True)
context.__enter__()


def ask(words="", **more):
    messages = [
        {"role": "system", "content": "SECRET-PROMPT Be short."},
        {"role": "user", "content": f"SECRET-PROMPT Why? {words}"},
    ]
    more = {"model": "gpt-4o-mini", "max_tokens": 200, **more}
    return gpt.chat.completions.create(messages=messages, **more)


def stream(words="", **more):
    for _ in ask(words, stream=True, **more):
        pass


def ask_claude(words="", **more):
    return claude.messages.create(
        model="claude-sonnet-4-5",
        max_tokens=300,
        messages=[{"role": "user", "content": f"SECRET-PROMPT {words}"}],
        **more,
    )


with record.recorded("chat", "wrap_openai, cached prompt"):
    ask("[[cached]]", temperature=0.2)
with record.recorded("reasoning-tier", "wrap_openai, cached prompt, reasoning, tier"):
    ask("[[cached]] [[reasoning]] [[tier-flex]]", service_tier="auto")
with record.recorded("audio", "wrap_openai, audio in and out"):
    ask("[[audio]] [[cached]]", model="gpt-4o-audio-preview")
with record.recorded("stream", "wrap_openai, streamed with usage, cached prompt"):
    stream("[[cached]] [[reasoning]]", stream_options={"include_usage": True})
with record.recorded("stream-no-usage", "wrap_openai, streamed without usage"):
    stream()
with record.recorded("responses", "wrap_openai, responses, cached prompt, reasoning"):
    gpt.responses.create(model="gpt-5-mini", input="SECRET-PROMPT [[cached]] [[reasoning]]")
with record.recorded("error-429", "wrap_openai, refused by the rate limit"):
    ask("[[error-429]]")
with record.recorded("timeout", "wrap_openai, no answer in time"):
    ask("[[timeout]]")
with record.recorded("retry", "wrap_openai, the client asks again after a 500"):
    wrap_openai(openai.OpenAI(max_retries=2)).chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "SECRET-PROMPT [[retry-500]]"}]
    )
with record.recorded("anthropic", "wrap_anthropic, prompt read from and written to the cache"):
    ask_claude("[[cached]] [[write5m]]")
with record.recorded("anthropic-1h", "wrap_anthropic, prompt written for an hour"):
    ask_claude("[[cached]] [[write5m]] [[write1h]]")
with record.recorded("anthropic-stream", "wrap_anthropic, streamed, read and written cache"):
    for _ in ask_claude("[[cached]] [[write5m]]", stream=True):
        pass


@traceable(run_type="retriever")
def look_up():
    return [{"page_content": "SECRET-ANSWER", "type": "Document"}]


@traceable(run_type="tool")
def weather(city):
    return f"SECRET-ANSWER sunny in {city}"


@traceable(name="answer-ticket", tags=["gold"])
def answer_ticket():
    look_up()
    weather("SECRET-PROMPT Paris")
    ask("[[cached]]")
    return {"answer": ask_claude("[[cached]]")}


with record.recorded("traceable", "a traceable chain of retriever, tool and two calls"):
    answer_ticket(
        langsmith_extra={
            "metadata": {"tenant": "acme", "user_id": "u-7", "session_id": "s-1", "team": "support"}
        }
    )


@traceable(run_type="llm", metadata={"ls_provider": "acme", "ls_model_name": "acme-1"})
def own_model():
    return {
        "choices": [{"message": {"role": "assistant", "content": "SECRET-ANSWER"}}],
        "usage_metadata": {
            "input_tokens": 900,
            "output_tokens": 300,
            "total_tokens": 1200,
            "input_token_details": {"cache_read": 400},
            "output_token_details": {"reasoning": 100},
        },
    }


with record.recorded("own-model", "a traceable that says its usage itself"):
    own_model()

record.flavour = "langchain"
record.packages |= Recorder(
    "", "", ["langchain", "langchain-core", "langchain-openai", "langchain-anthropic"]
).packages
chat = ChatOpenAI(model="gpt-4o-mini", max_retries=0, timeout=2, max_tokens=200)
sonnet = ChatAnthropic(model="claude-sonnet-4-5", max_retries=0, max_tokens=300)
prompt = ChatPromptTemplate.from_messages(
    [("system", "SECRET-PROMPT Be short."), ("user", "SECRET-PROMPT Why? {words}")]
)
with record.recorded("openai", "ChatOpenAI, cached prompt, reasoning"):
    chat.invoke("SECRET-PROMPT [[cached]] [[reasoning]]")
with record.recorded("openai-stream", "ChatOpenAI, streamed with usage, cached prompt"):
    for _ in ChatOpenAI(model="gpt-4o-mini", stream_usage=True).stream("SECRET-PROMPT [[cached]]"):
        pass
with record.recorded("anthropic", "ChatAnthropic, read and written cache"):
    sonnet.invoke("SECRET-PROMPT [[cached]] [[write5m]] [[write1h]]")
with record.recorded("anthropic-stream", "ChatAnthropic, streamed, read and written cache"):
    for _ in sonnet.stream("SECRET-PROMPT [[cached]] [[write5m]]"):
        pass
with record.recorded("chain", "prompt, model and parser, of a user and a tenant"):
    more = {"tenant": "acme", "user_id": "u-7", "session_id": "s-1"}
    chain = prompt | chat | StrOutputParser()
    chain.invoke({"words": "[[cached]]"}, {"metadata": more, "run_name": "answer"})
with record.recorded("error-429", "a chain, refused by the rate limit"):
    (prompt | chat).invoke({"words": "[[error-429]]"})
PLAN = ["error-500", "cached"]
with record.recorded("fallback", "the first model fails, another provider's answers", plan=PLAN):
    (prompt | chat.with_fallbacks([sonnet])).invoke({"words": ""})
with record.recorded("retry", "a runnable's retry after a 500", plan=PLAN):
    chat.with_retry(stop_after_attempt=2).invoke("SECRET-PROMPT")
with record.recorded("embeddings", "OpenAIEmbeddings"):
    OpenAIEmbeddings(model="text-embedding-3-small", check_embedding_ctx_length=False).embed_query(
        "SECRET-PROMPT"
    )


def get_weather(city: str) -> str:
    """SECRET-PROMPT Tell the weather."""
    return f"SECRET-ANSWER sunny in {city}"


agent = create_agent(chat, [get_weather], system_prompt="SECRET-PROMPT Be short.")
with record.recorded("agent", "an agent that calls a tool", plan=["tool", "cached"]):
    agent.invoke({"messages": [("user", "SECRET-PROMPT weather?")]})
