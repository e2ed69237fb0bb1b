"""Chains, agents and graphs of LangChain, whoever traces them."""

from __future__ import annotations

import asyncio
import os

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

QUESTION = "SECRET-PROMPT Why is the sky blue?"


@tool
def get_weather(city: str) -> str:
    """SECRET-PROMPT weather."""
    return f"SECRET-ANSWER 21 degrees in {city}"


def openai(**more):
    return ChatOpenAI(**{"model": "gpt-4o-mini", "max_retries": 0, **more})


def play(record):
    """Record one scenario after another."""
    with record.recorded("chat", "one chat, cached prompt"):
        openai().invoke(f"{QUESTION} [[cached]]")
    with record.recorded("reasoning", "one chat, cached prompt, reasoning"):
        openai(model="gpt-5").invoke(f"{QUESTION} [[cached]] [[reasoning]]")
    with record.recorded("stream", "one chat, streamed with usage, cached prompt"):
        list(openai(stream_usage=True).stream(f"{QUESTION} [[cached]]"))
    with record.recorded("responses", "one chat through responses, cached prompt, reasoning"):
        model = openai(model="gpt-5-mini", use_responses_api=True)
        model.invoke(f"{QUESTION} [[cached]] [[reasoning]]")
    with record.recorded("chain", "a chain: prompt, model, parser"):
        prompt = ChatPromptTemplate.from_messages([("system", "SECRET-PROMPT"), ("user", "{q}")])
        (prompt | openai() | StrOutputParser()).invoke({"q": f"{QUESTION} [[cached]]"})
    with record.recorded("batch", "a batch of two chats"):
        openai().batch([f"{QUESTION} [[cached]]", QUESTION])
    with record.recorded("agent", "an agent with a tool: two chats"):
        from langchain.agents import create_agent

        agent = create_agent(openai(), [get_weather], name="forecaster")
        agent.invoke({"messages": [("user", f"{QUESTION} [[tool]]")]})
    with record.recorded("error-429", "one chat, refused by the rate limit"):
        openai().invoke(f"{QUESTION} [[error-429]]")
    with record.recorded("retry", "the chain asks again after a 500"):
        openai().with_retry(stop_after_attempt=2).invoke(f"{QUESTION} [[retry-500]]")
    with record.recorded("fallback", "another model after the first one fails"):
        first = openai(model="gpt-4.1")
        first.with_fallbacks([openai()]).invoke(f"{QUESTION} [[retry-500]]")
    with record.recorded("async", "two chats at once"):

        async def two():
            await asyncio.gather(
                openai().ainvoke(f"{QUESTION} [[cached]]"), openai(model="gpt-4o").ainvoke(QUESTION)
            )

        asyncio.run(two())
    with record.recorded("embeddings", "embeddings"):
        model = OpenAIEmbeddings(model="text-embedding-3-small", check_embedding_ctx_length=False)
        model.embed_documents(["SECRET-PROMPT one", "SECRET-PROMPT two"])
    play_anthropic(record)


def play_anthropic(record):
    from langchain_anthropic import ChatAnthropic

    def anthropic(**more):
        url = os.environ["ANTHROPIC_BASE_URL"]
        given = {"model": "claude-sonnet-4-5", "max_retries": 0, "base_url": url, **more}
        return ChatAnthropic(**given)

    with record.recorded("anthropic", "one chat with Claude, cache read and written"):
        anthropic().invoke(f"{QUESTION} [[cached]] [[write5m]]")
    with record.recorded("anthropic-1h", "one chat with Claude, cache written for an hour too"):
        anthropic().invoke(f"{QUESTION} [[cached]] [[write5m]] [[write1h]]")
    with record.recorded("anthropic-stream", "one chat with Claude, streamed, cache read"):
        list(anthropic().stream(f"{QUESTION} [[cached]] [[write5m]]"))
    with record.recorded("anthropic-error", "one chat with Claude, overloaded"):
        anthropic().invoke(f"{QUESTION} [[error-529]]")
