"""Agents of several frameworks, whoever traces them; each asks OpenAI and uses a tool."""

from __future__ import annotations

import os

QUESTION = "SECRET-PROMPT Why is the sky blue? [[tool]] [[cached]]"


def play_openai_agents(record):
    """Agents of OpenAI's own framework, through responses and through chat completions."""
    from agents import Agent, OpenAIChatCompletionsModel, Runner, function_tool
    from openai import AsyncOpenAI

    @function_tool
    def get_weather(city: str) -> str:
        """SECRET-PROMPT weather."""
        return f"SECRET-ANSWER 21 degrees in {city}"

    given = {"name": "forecaster", "instructions": "SECRET-PROMPT", "tools": [get_weather]}
    with record.recorded("agent", "an agent with a tool: two calls of responses"):
        Runner.run_sync(Agent(model="gpt-5-mini", **given), f"{QUESTION} [[reasoning]]")
    with record.recorded("chat", "an agent with a tool: two chats"):
        model = OpenAIChatCompletionsModel("gpt-4o-mini", AsyncOpenAI(max_retries=0))
        Runner.run_sync(Agent(model=model, **given), QUESTION)
    with record.recorded("handoff", "an agent that hands over to another"):
        second = Agent(name="second", model="gpt-5-mini", instructions="SECRET-PROMPT")
        first = Agent(name="first", model="gpt-5-mini", handoffs=[second])
        Runner.run_sync(first, "SECRET-PROMPT [[cached]]")
    with record.recorded("error-429", "an agent whose call is refused"):
        model = OpenAIChatCompletionsModel("gpt-4o-mini", AsyncOpenAI(max_retries=0))
        Runner.run_sync(Agent(model=model, name="forecaster"), "SECRET-PROMPT [[error-429]]")


def play_llamaindex(record):
    """LlamaIndex with OpenAI."""
    from llama_index.core.llms import ChatMessage
    from llama_index.llms.openai import OpenAI

    asked = [ChatMessage(role="user", content="SECRET-PROMPT [[cached]] [[write5m]]")]
    llm = OpenAI(model="gpt-4o-mini", max_retries=0, api_base=os.environ["OPENAI_BASE_URL"])
    with record.recorded("chat", "one chat, cached prompt"):
        llm.chat(asked)
    with record.recorded("complete", "one completion"):
        llm.complete("SECRET-PROMPT [[cached]]")
    with record.recorded("stream", "one chat, streamed"):
        list(llm.stream_chat(asked))
    with record.recorded("error-429", "one chat, refused by the rate limit"):
        llm.chat([ChatMessage(role="user", content="SECRET-PROMPT [[error-429]]")])


def play_crewai(record):
    """A crew of one agent with one task."""
    from crewai import LLM, Agent, Crew, Task

    def crew(words):
        llm = LLM(model="openai/gpt-4o-mini", max_retries=0)
        agent = Agent(role="forecaster", goal="SECRET-PROMPT", backstory="SECRET-PROMPT", llm=llm)
        given = {"description": f"SECRET-PROMPT {words}", "expected_output": "SECRET-PROMPT"}
        return Crew(agents=[agent], tasks=[Task(agent=agent, **given)])

    answer = "Thought: I now can give a great answer\nFinal Answer: SECRET-ANSWER The sky is blue."
    with record.recorded("crew", "a crew of one agent: one chat", answer=answer):
        crew("[[cached]]").kickoff()
    with record.recorded("error-429", "a crew whose chat is refused"):
        crew("[[error-429]]").kickoff()


def play_litellm(record):
    """LiteLLM as a library, asking OpenAI and Anthropic."""
    import litellm

    asked = [{"role": "user", "content": "SECRET-PROMPT [[cached]] [[write5m]]"}]
    with record.recorded("chat", "one chat, cached prompt"):
        litellm.completion(model="openai/gpt-4o-mini", messages=asked, num_retries=0)
    with record.recorded("stream", "one chat, streamed with usage, cached prompt"):
        more = {"stream": True, "stream_options": {"include_usage": True}}
        list(litellm.completion(model="openai/gpt-4o-mini", messages=asked, **more))
    with record.recorded("anthropic", "one chat with Claude, cache read and written"):
        litellm.completion(model="anthropic/claude-sonnet-4-5", messages=asked)
    with record.recorded("embeddings", "embeddings"):
        litellm.embedding(model="openai/text-embedding-3-small", input=["SECRET-PROMPT one"])
    with record.recorded("error-429", "one chat, refused by the rate limit"):
        refused = [{"role": "user", "content": "SECRET-PROMPT [[error-429]]"}]
        litellm.completion(model="openai/gpt-4o-mini", messages=refused, max_retries=0)
