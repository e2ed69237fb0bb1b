"""What is asked of Bedrock, whoever traces it."""

from __future__ import annotations

import json

import boto3
from botocore.config import Config
from running import PROVIDER

CLAUDE = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
NOVA = "eu.amazon.nova-pro-v1:0"
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOLS = {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": SCHEMA}}}]}


def connect(attempts=1):
    return boto3.client(
        "bedrock-runtime",
        region_name="eu-west-1",
        endpoint_url=PROVIDER,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": attempts}),
    )


def play(record):
    """Record one scenario after another."""
    client = connect()

    def ask(words="", model=CLAUDE, via=client.converse, **more):
        messages = [{"role": "user", "content": [{"text": f"SECRET-PROMPT Why? {words}"}]}]
        more = {"inferenceConfig": {"maxTokens": 300}, **more}
        found = via(modelId=model, messages=messages, system=[{"text": "SECRET-PROMPT"}], **more)
        return list(found["stream"]) if "stream" in found else found

    def invoke(words="", model=CLAUDE, via=client.invoke_model):
        body = {
            "anthropic_version": "bedrock-2023-05-31",
            "max_tokens": 300,
            "messages": [{"role": "user", "content": f"SECRET-PROMPT Why? {words}"}],
        }
        if "nova" in model:
            text = [{"text": f"SECRET-PROMPT Why? {words}"}]
            body = {"messages": [{"role": "user", "content": text}]}
        if "titan" in model:
            body = {"inputText": f"SECRET-PROMPT {words}"}
        found = via(modelId=model, body=json.dumps(body))
        return list(found["body"]) if via != client.invoke_model else found["body"].read()

    with record.recorded("converse", "converse"):
        ask()
    with record.recorded("converse-cached", "converse, cache read and written"):
        ask("[[cached]] [[write5m]]")
    with record.recorded("converse-stream", "converse, streamed, cache read and written"):
        ask("[[cached]] [[write5m]]", via=client.converse_stream)
    with record.recorded("converse-nova", "converse with Nova, cache read"):
        ask("[[cached]]", model=NOVA)
    with record.recorded("converse-tool", "converse, a tool call"):
        ask("[[tool]]", toolConfig=TOOLS)
    with record.recorded("invoke", "invoke with Claude"):
        invoke()
    with record.recorded("invoke-cached", "invoke with Claude, cache read and written"):
        invoke("[[cached]] [[write5m]]")
    with record.recorded("invoke-stream", "invoke with Claude, streamed, cache read and written"):
        invoke("[[cached]] [[write5m]]", via=client.invoke_model_with_response_stream)
    with record.recorded("invoke-nova", "invoke with Nova, cache read"):
        invoke("[[cached]]", model=NOVA)
    with record.recorded("invoke-titan", "invoke with Titan"):
        invoke(model="amazon.titan-text-express-v1")
    with record.recorded("error-429", "converse, throttled"):
        ask("[[error-429]]")
    with record.recorded("retry", "converse, the client asks again after a 500"):
        ask("[[retry-500]] [[cached]]", via=connect(3).converse)
