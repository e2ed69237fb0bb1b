"""pip install openinference-instrumentation-langchain openinference-instrumentation-openai
langchain langchain-openai langchain-anthropic."""

from __future__ import annotations

from langchain.agents import create_agent
from langchain_anthropic import ChatAnthropic
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI
from openinference.instrumentation.langchain import LangChainInstrumentor
from running import Recorder, trace_everything

provider = trace_everything()
LangChainInstrumentor().instrument(tracer_provider=provider)
packages = [
    "openinference-instrumentation-langchain",
    "langchain",
    "langchain-openai",
    "langchain-anthropic",
]
record = Recorder("openinference", "langchain", packages)
openai = ChatOpenAI(model="gpt-4o-mini", max_retries=0, timeout=2, max_tokens=300)
claude = ChatAnthropic(model="claude-sonnet-4-5", max_retries=0, max_tokens=300)


def get_weather(city: str) -> str:
    """SECRET-PROMPT weather of a city."""
    return "SECRET-ANSWER 21 degrees"


prompt = ChatPromptTemplate.from_messages([("system", "SECRET-PROMPT"), ("user", "{question}")])

with record.recorded("openai", "ChatOpenAI, cached prompt and reasoning"):
    openai.invoke("SECRET-PROMPT Why? [[cached]] [[reasoning]]")
with record.recorded("openai-tier", "ChatOpenAI, service tier of the answer"):
    openai.invoke("SECRET-PROMPT Why? [[tier-flex]]", service_tier="auto")
with record.recorded("openai-stream", "ChatOpenAI, streamed with usage, cached prompt"):
    for _ in openai.stream("SECRET-PROMPT Why? [[cached]]", stream_usage=True):
        pass
with record.recorded("openai-stream-no-usage", "ChatOpenAI, streamed without usage"):
    for _ in openai.stream("SECRET-PROMPT Why?", stream_usage=False):
        pass
with record.recorded("openai-responses", "ChatOpenAI through the responses API"):
    model = ChatOpenAI(model="gpt-5-mini", use_responses_api=True, max_retries=0)
    model.invoke("SECRET-PROMPT Why? [[cached]] [[reasoning]]")
with record.recorded("chain", "a chain of prompt, ChatOpenAI and parser"):
    chain = prompt | openai | StrOutputParser()
    chain.invoke({"question": "SECRET-PROMPT Why? [[cached]]"})
with record.recorded("batch", "two ChatOpenAI calls side by side"):
    openai.batch(["SECRET-PROMPT One?", "SECRET-PROMPT Two? [[cached]]"])
with record.recorded("agent", "an agent of langgraph that calls a tool"):
    agent = create_agent(openai, [get_weather], system_prompt="SECRET-PROMPT")
    said = [{"role": "user", "content": "SECRET-PROMPT Weather in Paris? [[tool]] [[cached]]"}]
    agent.invoke({"messages": said})
with record.recorded("fallback", "a fallback from one model to another"):
    first = ChatOpenAI(model="gpt-4.1", max_retries=0)
    first.with_fallbacks([claude]).invoke("SECRET-PROMPT Why? [[retry-500]]")
with record.recorded("retry", "the chain asks again after a 429"):
    openai.with_retry(stop_after_attempt=2, wait_exponential_jitter=False).invoke(
        "SECRET-PROMPT Why? [[retry-429]]"
    )
with record.recorded("error-429", "ChatOpenAI, refused by the rate limit"):
    openai.invoke("SECRET-PROMPT [[error-429]]")
with record.recorded("anthropic", "ChatAnthropic, cache read and written for both times"):
    claude.invoke("SECRET-PROMPT Why? [[cached]] [[write5m]] [[write1h]]")
with record.recorded("anthropic-stream", "ChatAnthropic, streamed, cache read and written"):
    for _ in claude.stream("SECRET-PROMPT Why? [[cached]] [[write5m]]"):
        pass
from openinference.instrumentation.openai import OpenAIInstrumentor

OpenAIInstrumentor().instrument(tracer_provider=provider)
from importlib.metadata import version

record.packages["openinference-instrumentation-openai"] = version(
    "openinference-instrumentation-openai"
)
openai = ChatOpenAI(model="gpt-4o-mini", max_retries=0)
with record.recorded("two-instrumentations", "ChatOpenAI seen by LangChain's and OpenAI's"):
    openai.invoke("SECRET-PROMPT Why? [[cached]]")
with record.recorded("two-instrumentations-stream", "the same, streamed"):
    for _ in openai.stream("SECRET-PROMPT Why? [[cached]]", stream_usage=True):
        pass
