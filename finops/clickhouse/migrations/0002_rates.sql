-- Rates as they were published to the charge job: every published version whole, so that any charge
-- can be worked out again from the version that it names.

-- A rate is found by (workspace override before list) provider, model, service tier, region, then by
-- the ranges: total input tokens strictly above context_above and at most context_upto; call's start
-- in [valid_from, valid_to); second of the UTC day in [daily_from_s, daily_to_s).
-- USD per token: 18 places hold a discounted price per million exactly. NULL: no such rate.
CREATE TABLE IF NOT EXISTS rates {on_cluster}
(
    rate_version       UInt32,
    workspace_id       UInt64,
    provider           LowCardinality(String),
    model              LowCardinality(String),
    service_tier       LowCardinality(String),
    region             LowCardinality(String),
    context_above      UInt64,
    context_upto       UInt64,
    valid_from         DateTime('UTC'),
    valid_to           DateTime('UTC'),
    daily_from_s       UInt32,
    daily_to_s         UInt32,
    input_usd          Nullable(Decimal(38, 18)),
    cache_read_usd     Nullable(Decimal(38, 18)),
    cache_write_5m_usd Nullable(Decimal(38, 18)),
    cache_write_1h_usd Nullable(Decimal(38, 18)),
    output_usd         Nullable(Decimal(38, 18)),
    reasoning_usd      Nullable(Decimal(38, 18)),
    audio_in_usd       Nullable(Decimal(38, 18)),
    audio_out_usd      Nullable(Decimal(38, 18)),
    image_in_usd       Nullable(Decimal(38, 18)),
    call_usd           Nullable(Decimal(38, 18)),
    source             LowCardinality(String),
    published_at       DateTime64(3, 'UTC')
)
ENGINE = {replicated}ReplacingMergeTree(published_at)
PARTITION BY intDiv(rate_version, 1000)
ORDER BY (rate_version, workspace_id, provider, model, service_tier, region, context_above, valid_from, daily_from_s)
SETTINGS non_replicated_deduplication_window = 1000;

-- Which rate the names in a call lead to: (provider, model) as captured -> (provider, model) of the
-- catalogue, resolved once per pair the way the provider bills; '' = no rate is known.
CREATE TABLE IF NOT EXISTS rate_aliases {on_cluster}
(
    rate_version  UInt32,
    workspace_id  UInt64,
    provider      LowCardinality(String),
    model         LowCardinality(String),
    rate_provider LowCardinality(String),
    rate_model    LowCardinality(String),
    resolved_at   DateTime64(3, 'UTC')
)
ENGINE = {replicated}ReplacingMergeTree(resolved_at)
ORDER BY (rate_version, workspace_id, provider, model)
SETTINGS non_replicated_deduplication_window = 1000;
