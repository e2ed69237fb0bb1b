"""Every span attribute that the SDK writes, by name.

The OpenTelemetry GenAI name is used where the conventions have one; the rest is `finops.*`.
Token totals follow the conventions, so they are inclusive: `INPUT_TOKENS` contains cache reads,
cache writes, audio and image tokens, and `OUTPUT_TOKENS` contains reasoning, audio and image
tokens. The other counts of tokens are subsets of these two.
"""

from __future__ import annotations

from typing import Final

SCOPE_NAME: Final = "inferledger"

# What was called
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_STREAM: Final = "gen_ai.request.stream"
PROMPT_NAME: Final = "gen_ai.prompt.name"
PROMPT_VERSION: Final = "gen_ai.prompt.version"
REGION: Final = "finops.region"
TIMEOUT_MS: Final = "finops.timeout_ms"

# What answered
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"  # seconds
OPENAI_SERVICE_TIER: Final = "openai.response.service_tier"
SERVICE_TIER: Final = "finops.service_tier"
TTFT_MS: Final = "finops.ttft_ms"
QUEUE_MS: Final = "finops.queue_ms"
OUTCOME: Final = "finops.outcome"  # ok, error, timeout, rate_limited, oom, cancelled
ERROR_TYPE: Final = "error.type"
SUCCESS: Final = "finops.success"
SCORE: Final = "finops.score"
CACHE_LAYER: Final = "finops.cache.layer"  # none, exact, semantic, retrieval, embedding
CACHE_HIT: Final = "finops.cache.hit"

# Tokens
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
CACHE_WRITE_1H_TOKENS: Final = "finops.usage.cache_write_1h.input_tokens"  # part of cache_write
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
AUDIO_INPUT_TOKENS: Final = "gen_ai.usage.audio.input_tokens"
AUDIO_OUTPUT_TOKENS: Final = "gen_ai.usage.audio.output_tokens"
IMAGE_INPUT_TOKENS: Final = "gen_ai.usage.image.input_tokens"
IMAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.image.output_tokens"
WEB_SEARCHES: Final = "finops.use.web_search"  # that the provider made and bills
USAGE_SOURCE: Final = "finops.usage.source"  # provider, estimated, missing

# For whom and why
TENANT: Final = "finops.tenant.id"
USER: Final = "user.id"
TEAM: Final = "finops.team"
FEATURE: Final = "finops.feature"
ENVIRONMENT: Final = "finops.environment"
SESSION: Final = "gen_ai.conversation.id"
AGENT: Final = "gen_ai.agent.name"
ACTION_ID: Final = "finops.action.id"
ACTION_NAME: Final = "finops.action.name"
REQUEST_ID: Final = "finops.request.id"
REQUEST_ATTEMPT: Final = "finops.request.attempt"
TAG_PREFIX: Final = "finops.tag."

# Keyed hashes, 16 hexadecimal digits; never the text
PROMPT_HASH: Final = "finops.prompt.hash"
ANSWER_HASH: Final = "finops.answer.hash"

# Resource
SERVICE: Final = "service.name"
DEPLOYMENT_ENVIRONMENT: Final = "deployment.environment.name"
