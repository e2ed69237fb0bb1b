"""pip install llama-index-core llama-index-llms-openai llama-index-embeddings-openai
openinference-instrumentation-llama-index, versions in the recordings."""

from __future__ import annotations

from llama_index.core import Document, VectorStoreIndex
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai import OpenAI
from openinference.instrumentation.llama_index import LlamaIndexInstrumentor
from running import PROVIDER, Recorder, trace_everything

provider = trace_everything()
LlamaIndexInstrumentor().instrument(tracer_provider=provider)
packages = [
    "openinference-instrumentation-llama-index",
    "llama-index-core",
    "llama-index-llms-openai",
]
record = Recorder("openinference", "llama-index", packages)
URL = f"{PROVIDER}/v1"
llm = OpenAI(model="gpt-4o-mini", max_retries=0, api_base=URL)


def said(words=""):
    return [ChatMessage(role="user", content=f"SECRET-PROMPT Why? {words}")]


with record.recorded("chat", "chat, cached prompt and reasoning"):
    llm.chat(said("[[cached]] [[reasoning]]"))
with record.recorded("complete", "complete, which asks chat inside"):
    llm.complete("SECRET-PROMPT Why? [[cached]]")
with record.recorded("stream", "chat, streamed with usage, cached prompt"):
    model = OpenAI(
        model="gpt-4o-mini",
        max_retries=0,
        api_base=URL,
        additional_kwargs={"stream_options": {"include_usage": True}},
    )
    for _ in model.stream_chat(said("[[cached]]")):
        pass
with record.recorded("query", "an index is built and asked: embeddings, retrieval, chat"):
    embedder = OpenAIEmbedding(model="text-embedding-3-small", max_retries=0, api_base=URL)
    documents = [Document(text="SECRET-PROMPT one"), Document(text="SECRET-PROMPT two")]
    index = VectorStoreIndex.from_documents(documents, embed_model=embedder)
    index.as_query_engine(llm=llm).query("SECRET-PROMPT Why?")
with record.recorded("error-429", "chat, refused by the rate limit"):
    llm.chat(said("[[error-429]]"))
