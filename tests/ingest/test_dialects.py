"""Each dialect's payload, and the row that it must become."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from finops.clickhouse.client import Warehouse
from inferledger import attributes as sdk
from ingest.dialects import DIALECTS
from ingest.dialects.table import Source
from tests.ingest.loading import NOW, calls, take
from tests.ingest.payloads import SECOND_NS, START_NS, Span, request

STARTED = datetime.fromtimestamp(START_NS // SECOND_NS, UTC)
ABSENT: dict[str, Any] = {
    "workspace_id": 42,
    "tenant": "",
    "user_id": "",
    "team": "",
    "feature": "",
    "environment": "",
    "service": "shop",
    "session_id": "",
    "prompt_name": "",
    "prompt_version": "",
    "agent": "",
    "tags": {},
    "uses": {},
    "action_id": "",
    "action_name": "",
    "request_id": "",
    "attempt": 0,
    "response_id": "",
    "operation": "chat",
    "provider": "",
    "model_requested": "",
    "model_served": "",
    "region": "",
    "service_tier": "",
    "stream": None,
    "max_output_tokens": None,
    "started_at": STARTED,
    "duration_ms": 1000.0,
    "queue_ms": None,
    "ttft_ms": None,
    "input_tokens": None,
    "cache_read_tokens": None,
    "cache_write_5m_tokens": None,
    "cache_write_1h_tokens": None,
    "output_tokens": None,
    "reasoning_tokens": None,
    "audio_in_tokens": None,
    "audio_out_tokens": None,
    "image_in_tokens": None,
    "image_out_tokens": None,
    "usage_source": "missing",
    "usage_flag": "",
    "outcome": "ok",
    "error_type": "",
    "finish_reason": "",
    "success": None,
    "score": None,
    "cache_layer": "none",
    "cache_hit": 0,
    "prompt_hash": 0,
    "answer_hash": 0,
    "prompt_chain": [],
    "segments": [],
    "sketch": "",
    "timeout_ms": None,
    "emitter": "test@1.0",
    "received_at": NOW,
}
IDS = ("trace_id", "span_id", "parent_span_id", "segment")


def row_of(ch: Warehouse, folder: Path, body: bytes) -> dict[str, Any]:
    take(ch, folder, body)
    (row,) = calls(ch, [f"* EXCEPT ({', '.join(IDS)})", "hex(trace_id) AS trace"])
    assert (row.pop("trace"), row.pop("span")) == (b"t".hex() * 16, b"s".hex() * 8)
    return row


FULL_FINOPS = {
    sdk.OPERATION: "chat",
    sdk.PROVIDER: "OpenAI",
    sdk.REQUEST_MODEL: "gpt-4o",
    sdk.REQUEST_MAX_TOKENS: 512,
    sdk.REQUEST_STREAM: True,
    sdk.PROMPT_NAME: "triage",
    sdk.PROMPT_VERSION: "v3",
    sdk.REGION: "eu-west-1",
    sdk.TIMEOUT_MS: 30000.4,
    sdk.RESPONSE_MODEL: "gpt-4o-2024-08-06",
    sdk.RESPONSE_ID: "chatcmpl-1",
    sdk.FINISH_REASONS: ["length"],
    sdk.TIME_TO_FIRST_CHUNK: 0.25,
    sdk.OPENAI_SERVICE_TIER: "Priority",
    sdk.QUEUE_MS: 3.5,
    sdk.OUTCOME: "ok",
    sdk.SUCCESS: False,
    sdk.SCORE: 0.75,
    sdk.CACHE_LAYER: "semantic",
    sdk.CACHE_HIT: True,
    sdk.INPUT_TOKENS: 1000,
    sdk.OUTPUT_TOKENS: 300,
    sdk.CACHE_READ_TOKENS: 400,
    sdk.CACHE_WRITE_TOKENS: 150,
    sdk.CACHE_WRITE_1H_TOKENS: 50,
    sdk.REASONING_TOKENS: 120,
    sdk.AUDIO_INPUT_TOKENS: 30,
    sdk.AUDIO_OUTPUT_TOKENS: 20,
    sdk.IMAGE_INPUT_TOKENS: 10,
    sdk.IMAGE_OUTPUT_TOKENS: 40,
    sdk.WEB_SEARCHES: 3,
    sdk.USAGE_SOURCE: "estimated",
    sdk.TENANT: "acme",
    sdk.USER: "u-7",
    sdk.TEAM: "support",
    sdk.FEATURE: "answers",
    sdk.ENVIRONMENT: "staging",
    sdk.SESSION: "conv-1",
    sdk.AGENT: "triager",
    sdk.ACTION_ID: "act-1",
    sdk.ACTION_NAME: "answer ticket",
    sdk.REQUEST_ID: "req-1",
    sdk.REQUEST_ATTEMPT: 2,
    sdk.TAG_PREFIX + "plan": "gold",
    sdk.PROMPT_HASH: "00000000000000ff",
    sdk.ANSWER_HASH: "ffffffffffffffff",
}


def test_our_sdk_in_full(ch: Warehouse, tmp_path: Path) -> None:
    body = request(Span(FULL_FINOPS), scope=sdk.SCOPE_NAME, version="0.1.0")
    assert row_of(ch, tmp_path, body) == ABSENT | {
        "dialect": "finops",
        "tenant": "acme",
        "user_id": "u-7",
        "team": "support",
        "feature": "answers",
        "environment": "staging",
        "session_id": "conv-1",
        "prompt_name": "triage",
        "prompt_version": "v3",
        "agent": "triager",
        "tags": {"plan": "gold"},
        "action_id": "act-1",
        "action_name": "answer ticket",
        "request_id": "req-1",
        "attempt": 2,
        "response_id": "chatcmpl-1",
        "provider": "openai",
        "model_requested": "gpt-4o",
        "model_served": "gpt-4o-2024-08-06",
        "region": "eu-west-1",
        "service_tier": "priority",
        "stream": 1,
        "max_output_tokens": 512,
        "queue_ms": 3.5,
        "ttft_ms": 250.0,
        "input_tokens": 1000 - 400 - 150 - 30 - 10,
        "cache_read_tokens": 400,
        "cache_write_5m_tokens": 100,
        "cache_write_1h_tokens": 50,
        "output_tokens": 300 - 120 - 20 - 40,
        "reasoning_tokens": 120,
        "audio_in_tokens": 30,
        "audio_out_tokens": 20,
        "image_in_tokens": 10,
        "image_out_tokens": 40,
        "uses": {"web_search": 3},
        "usage_source": "estimated",
        "finish_reason": "length",
        "success": 0,
        "score": 0.75,
        "cache_layer": "semantic",
        "cache_hit": 1,
        "prompt_hash": 255,
        "answer_hash": 2**64 - 1,
        "timeout_ms": 30000,
        "emitter": "inferledger@0.1.0",
    }


def test_the_table_reads_every_name_that_our_sdk_writes() -> None:
    (finops,) = [dialect for dialect in DIALECTS if dialect.name == "finops"]
    read = {name_of(source) for sources in finops.fields.values() for source in sources}
    written = {value for name, value in vars(sdk).items() if name.isupper()}
    assert written - read == {sdk.SCOPE_NAME, sdk.TAG_PREFIX}


def name_of(source: Source) -> str:
    return str(getattr(source, "name", source))


def test_opentelemetry_with_its_newest_names(ch: Warehouse, tmp_path: Path) -> None:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5",
        "gen_ai.response.model": "claude-sonnet-4-5-20250929",
        "gen_ai.response.id": "msg_1",
        "gen_ai.response.finish_reasons": ["stop", "stop"],
        "gen_ai.usage.input_tokens": 1200,
        "gen_ai.usage.output_tokens": 80,
        "gen_ai.usage.cache_read.input_tokens": 1000,
        "gen_ai.usage.cache_write.input_tokens": 100,
        "gen_ai.usage.reasoning.output_tokens": 30,
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.request.stream": False,
        "gen_ai.conversation.id": "c-1",
        "gen_ai.agent.name": "helper",
        "gen_ai.workflow.name": "support",
        "gen_ai.prompt.name": "system",
        "enduser.id": "u-1",
        "server.address": "api.anthropic.com",
    }
    resource = {
        "service.name": "shop",
        "deployment.environment.name": "production",
        "tenant.id": "globex",
    }
    assert row_of(ch, tmp_path, request(Span(attributes), resource=resource)) == ABSENT | {
        "dialect": "gen_ai",
        "tenant": "globex",
        "user_id": "u-1",
        "environment": "production",
        "session_id": "c-1",
        "prompt_name": "system",
        "agent": "helper",
        "action_name": "support",
        "response_id": "msg_1",
        "provider": "anthropic",
        "model_requested": "claude-sonnet-4-5",
        "model_served": "claude-sonnet-4-5-20250929",
        "stream": 0,
        "ttft_ms": 500.0,
        "input_tokens": 100,
        "cache_read_tokens": 1000,
        "cache_write_5m_tokens": 100,
        "output_tokens": 50,
        "reasoning_tokens": 30,
        "usage_source": "provider",
        "finish_reason": "stop",
    }


def test_opentelemetry_with_its_older_names(ch: Warehouse, tmp_path: Path) -> None:
    attributes = {
        "gen_ai.system": "openai",
        "llm.request.type": "completion",
        "gen_ai.request.model": "gpt-3.5-turbo-instruct",
        "gen_ai.usage.prompt_tokens": 90,
        "gen_ai.usage.completion_tokens": 40,
        "gen_ai.usage.cache_read_input_tokens": 20,
        "gen_ai.usage.cache_creation_input_tokens": 10,
        "gen_ai.usage.reasoning_tokens": 15,
        "gen_ai.openai.response.service_tier": "flex",
        "gen_ai.is_streaming": True,
        "session.id": "s-9",
        "http.request.resend_count": 1,
    }
    resource = {"service.name": "shop", "deployment.environment": "dev"}
    assert row_of(ch, tmp_path, request(Span(attributes), resource=resource)) == ABSENT | {
        "dialect": "gen_ai",
        "operation": "text_completion",
        "environment": "dev",
        "session_id": "s-9",
        "attempt": 1,
        "provider": "openai",
        "model_requested": "gpt-3.5-turbo-instruct",
        "service_tier": "flex",
        "stream": 1,
        "input_tokens": 60,
        "cache_read_tokens": 20,
        "cache_write_5m_tokens": 10,
        "output_tokens": 25,
        "reasoning_tokens": 15,
        "usage_source": "provider",
    }


def test_openinference(ch: Warehouse, tmp_path: Path) -> None:
    attributes = {
        "openinference.span.kind": "LLM",
        "llm.provider": "openai",
        "llm.system": "openai",
        "llm.model_name": "gpt-4o-mini",
        "llm.token_count.prompt": 500,
        "llm.token_count.completion": 60,
        "llm.token_count.total": 560,
        "llm.token_count.prompt_details.cache_read": 128,
        "llm.token_count.prompt_details.cache_write": 64,
        "llm.token_count.prompt_details.audio": 8,
        "llm.token_count.completion_details.reasoning": 10,
        "llm.token_count.completion_details.audio": 5,
        "llm.invocation_parameters": (
            '{"model": "gpt-4o-mini", "stream": true, "max_tokens": 99, "service_tier": "flex",'
            ' "tools": [{"type": "function"}]}'
        ),
        "llm.input_messages.0.message.content": "secret",
        "metadata": '{"tenant": "initech", "run": 3}',
        "session.id": "s-1",
        "user.id": "u-2",
        "agent.name": "planner",
        "llm.prompt_template.version": "7",
        "finops.feature": "search",
    }
    assert row_of(ch, tmp_path, request(Span(attributes))) == ABSENT | {
        "dialect": "openinference",
        "tenant": "initech",
        "user_id": "u-2",
        "feature": "search",
        "session_id": "s-1",
        "prompt_version": "7",
        "agent": "planner",
        "provider": "openai",
        "model_requested": "gpt-4o-mini",
        "service_tier": "flex",
        "stream": 1,
        "max_output_tokens": 99,
        "input_tokens": 300,
        "cache_read_tokens": 128,
        "cache_write_5m_tokens": 64,
        "audio_in_tokens": 8,
        "output_tokens": 45,
        "reasoning_tokens": 10,
        "audio_out_tokens": 5,
        "usage_source": "provider",
    }
