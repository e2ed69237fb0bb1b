"""What is asked of smaller providers, whoever traces it."""

from __future__ import annotations

from asking import TOOL, chat
from running import PROVIDER

ASKED = [{"role": "user", "content": "SECRET-PROMPT Why is the sky blue?"}]
CACHED = [{"role": "user", "content": "SECRET-PROMPT Why is the sky blue? [[cached]]"}]
REFUSED = [{"role": "user", "content": "SECRET-PROMPT [[error-429]]"}]
LLAMA = "meta-llama/Llama-3.3-70B-Instruct-Turbo"


def play_groq(record):
    import groq

    client = groq.Groq(api_key="test", base_url=f"{PROVIDER}/groq", max_retries=0)
    with record.recorded("chat", "chat, cached prompt"):
        chat(client, "[[cached]]", model="llama-3.3-70b-versatile")
    with record.recorded("reasoning", "chat, cached prompt, reasoning"):
        chat(client, "[[cached]] [[reasoning]]", model="openai/gpt-oss-120b")
    with record.recorded("stream", "chat, streamed, cached prompt"):
        chat(client, "[[cached]]", model="llama-3.3-70b-versatile", stream=True)
    with record.recorded("tool", "chat, a tool call"):
        chat(client, "[[tool]]", model="llama-3.3-70b-versatile", tools=[TOOL])
    with record.recorded("error-429", "chat, refused by the rate limit"):
        chat(client, "[[error-429]]", model="llama-3.3-70b-versatile")


def play_mistralai(record):
    from mistralai import Mistral

    client = Mistral(api_key="test", server_url=f"{PROVIDER}/mistral")
    with record.recorded("chat", "chat, cached prompt"):
        client.chat.complete(model="mistral-small-latest", messages=CACHED)
    with record.recorded("stream", "chat, streamed, cached prompt"):
        list(client.chat.stream(model="mistral-small-latest", messages=CACHED))
    with record.recorded("embeddings", "embeddings"):
        client.embeddings.create(model="mistral-embed", inputs=["SECRET-PROMPT one"])
    with record.recorded("error-429", "chat, refused by the rate limit"):
        client.chat.complete(model="mistral-small-latest", messages=REFUSED)


def play_cohere(record):
    import cohere

    client = cohere.ClientV2(api_key="test", base_url=PROVIDER)
    with record.recorded("chat", "chat of version 2"):
        client.chat(model="command-a-03-2025", messages=ASKED)
    with record.recorded("stream", "chat of version 2, streamed"):
        list(client.chat_stream(model="command-a-03-2025", messages=ASKED))
    with record.recorded("embeddings", "embeddings"):
        texts = ["SECRET-PROMPT one"]
        client.embed(
            model="embed-v4.0", texts=texts, input_type="search_query", embedding_types=["float"]
        )
    with record.recorded("rerank", "rerank of two documents"):
        documents = ["SECRET-PROMPT a", "SECRET-PROMPT b"]
        client.rerank(model="rerank-v3.5", query="SECRET-PROMPT q", documents=documents)
    with record.recorded("error-429", "chat, refused by the rate limit"):
        client.chat(model="command-a-03-2025", messages=REFUSED, request_options={"max_retries": 0})


def play_ollama(record):
    import ollama

    client = ollama.Client(host=PROVIDER)
    with record.recorded("chat", "chat"):
        client.chat(model="llama3.2", messages=ASKED)
    with record.recorded("stream", "chat, streamed"):
        list(client.chat(model="llama3.2", messages=ASKED, stream=True))
    with record.recorded("generate", "generate"):
        client.generate(model="llama3.2", prompt="SECRET-PROMPT Why?")
    with record.recorded("error-500", "chat, the server fails"):
        client.chat(
            model="llama3.2", messages=[{"role": "user", "content": "SECRET-PROMPT [[error-500]]"}]
        )


def play_together(record):
    import together

    client = together.Together(api_key="test", base_url=f"{PROVIDER}/together/v1", max_retries=0)
    with record.recorded("chat", "chat"):
        chat(client, model=LLAMA)
    with record.recorded("error-429", "chat, refused by the rate limit"):
        chat(client, "[[error-429]]", model=LLAMA)


def play_voyageai(record):
    import voyageai

    with record.recorded("embeddings", "embeddings"):
        client = voyageai.Client(api_key="test", base_url=f"{PROVIDER}/voyage/v1", max_retries=0)
        client.embed(["SECRET-PROMPT one"], model="voyage-3.5")
