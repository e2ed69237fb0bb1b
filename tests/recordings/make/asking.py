"""What scripts ask the fake providers, in the words of OpenAI's and Anthropic's clients."""

from __future__ import annotations

TOOL = {
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
ANTHROPIC_TOOL = {
    "name": "get_weather",
    "description": "SECRET-PROMPT weather",
    "input_schema": TOOL["function"]["parameters"],
}


def chat(client, words="", **more):
    """One chat completion; a stream is read to its end."""
    messages = [
        {"role": "system", "content": "SECRET-PROMPT Be short."},
        {"role": "user", "content": f"SECRET-PROMPT Why is the sky blue? {words}"},
    ]
    more = {"model": "gpt-4o-mini", "messages": messages, "max_tokens": 200, **more}
    answer = client.chat.completions.create(**more)
    return list(answer) if more.get("stream") else answer


def respond(client, words="", **more):
    """One call of OpenAI's responses; a stream is read to its end."""
    asked = f"SECRET-PROMPT Why is the sky blue? {words}"
    more = {"model": "gpt-5-mini", "max_output_tokens": 300, "input": asked, **more}
    answer = client.responses.create(**more)
    return list(answer) if more.get("stream") else answer


def message(client, words="", **more):
    """One call of Anthropic's messages; a stream is read to its end."""
    messages = [{"role": "user", "content": f"SECRET-PROMPT Why is the sky blue? {words}"}]
    more = {
        "model": "claude-sonnet-4-5",
        "max_tokens": 200,
        "system": "SECRET-PROMPT Be short.",
        "messages": messages,
        **more,
    }
    answer = client.messages.create(**more)
    return list(answer) if more.get("stream") else answer
