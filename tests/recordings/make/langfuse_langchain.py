"""pip install langfuse langchain langchain-openai langchain-anthropic; langfuse 3, 4 and 5."""

from __future__ import annotations

from langfuse_setup import MAJOR

# isort: split
from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from langfuse import Langfuse
from langfuse.langchain import CallbackHandler
from opentelemetry import trace
from running import Recorder

langfuse = Langfuse()
packages = ["langfuse", "langchain", "langchain-core", "langchain-openai", "langchain-anthropic"]
record = Recorder("langfuse", f"langchain-v{MAJOR}", packages, trace.get_tracer_provider())
handler = CallbackHandler()
metadata = {"langfuse_user_id": "u-7", "langfuse_session_id": "s-1", "langfuse_tags": ["gold"]}
config = {"callbacks": [handler]}
gpt = ChatOpenAI(model="gpt-4o-mini", max_retries=0, timeout=2, max_tokens=200)
claude = ChatAnthropic(model="claude-sonnet-4-5", max_retries=0, max_tokens=300)
prompt = ChatPromptTemplate.from_messages(
    [("system", "SECRET-PROMPT Be short."), ("user", "SECRET-PROMPT Why? {words}")]
)


PLAN = ["error-500", "cached"]


def drain(chunks):
    for _ in chunks:
        pass


with record.recorded("openai", "ChatOpenAI, cached prompt, reasoning"):
    gpt.invoke("SECRET-PROMPT [[cached]] [[reasoning]]", config)
with record.recorded("openai-stream", "ChatOpenAI, streamed with usage, cached prompt"):
    streamed = ChatOpenAI(model="gpt-4o-mini", stream_usage=True)
    drain(streamed.stream("SECRET-PROMPT [[cached]]", config))
with record.recorded("openai-audio", "ChatOpenAI, audio"):
    gpt.invoke("SECRET-PROMPT [[audio]] [[cached]]", config)
with record.recorded("openai-responses", "ChatOpenAI by the responses API, cached, reasoning"):
    respond = ChatOpenAI(model="gpt-5-mini", use_responses_api=True)
    respond.invoke("SECRET-PROMPT [[cached]] [[reasoning]] [[tier-flex]]", config)
with record.recorded("openai-priority", "ChatOpenAI by the responses API, priority, cached"):
    respond.invoke("SECRET-PROMPT [[cached]] [[reasoning]] [[tier-priority]]", config)
with record.recorded("anthropic", "ChatAnthropic, prompt read from and written to the cache"):
    claude.invoke("SECRET-PROMPT [[cached]] [[write5m]]", config)
with record.recorded("anthropic-1h", "ChatAnthropic, prompt written to the cache for an hour"):
    claude.invoke("SECRET-PROMPT [[cached]] [[write5m]] [[write1h]]", config)
with record.recorded("anthropic-stream", "ChatAnthropic, streamed, read and written cache"):
    drain(claude.stream("SECRET-PROMPT [[cached]] [[write5m]] [[write1h]]", config))
with record.recorded("chain", "a chain of prompt, model and parser, of a user and a tenant"):
    more = {**metadata, "tenant": "acme"}
    (prompt | gpt | StrOutputParser()).invoke({"words": "[[cached]]"}, {**config, "metadata": more})
with record.recorded("error-429", "a chain, refused by the rate limit"):
    (prompt | gpt).invoke({"words": "[[error-429]]"}, config)
with record.recorded("fallback", "the first model fails, another provider's answers", plan=PLAN):
    chain = prompt | gpt.with_fallbacks([claude])
    chain.invoke({"words": ""}, config)
with record.recorded("retry", "a runnable's retry after a 500", plan=["error-500", "cached"]):
    gpt.with_retry(stop_after_attempt=2).invoke("SECRET-PROMPT", config)
with record.recorded("batch", "two calls side by side", plan=["cached", "reasoning"]):
    gpt.batch(["SECRET-PROMPT a", "SECRET-PROMPT b"], config)


def get_weather(city: str) -> str:
    """SECRET-PROMPT Tell the weather."""
    return f"SECRET-ANSWER sunny in {city}"


agent = create_agent(gpt, [get_weather], system_prompt="SECRET-PROMPT Be short.")
with record.recorded("agent", "an agent that calls a tool", plan=["tool", "cached"]):
    agent.invoke({"messages": [("user", "SECRET-PROMPT weather?")]}, config)
