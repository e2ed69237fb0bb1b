-- The ledger: derived from calls and rates, always rebuildable. A recomputation writes new versions of
-- the same keys; readers take the newest (FINAL), so no reader ever sees an hour half written.

-- One row per call: what each bucket cost, and what the call was in its request. The dimensions and
-- token counts are copied from calls, so that no question about cost needs a join.
CREATE TABLE IF NOT EXISTS charges {on_cluster}
(
    workspace_id          UInt64 CODEC(ZSTD(1)),
    trace_id              FixedString(16) CODEC(ZSTD(1)),
    span_id               FixedString(8) CODEC(ZSTD(1)),
    started_at            DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),

    tenant                LowCardinality(String),
    user_id               String CODEC(ZSTD(1)),
    team                  LowCardinality(String),
    feature               LowCardinality(String),
    environment           LowCardinality(String),
    operation             LowCardinality(String),
    provider              LowCardinality(String),
    model                 LowCardinality(String),
    service_tier          LowCardinality(String),
    action_id             String CODEC(ZSTD(1)),
    action_name           LowCardinality(String),
    request_id            String CODEC(ZSTD(1)),
    attempt               UInt16 CODEC(ZSTD(1)),
    outcome               LowCardinality(String),
    duration_ms           Float64 CODEC(ZSTD(1)),
    queue_ms              Nullable(Float64) CODEC(ZSTD(1)),
    ttft_ms               Nullable(Float64) CODEC(ZSTD(1)),

    input_tokens          Nullable(UInt32) CODEC(ZSTD(1)),
    cache_read_tokens     Nullable(UInt32) CODEC(ZSTD(1)),
    cache_write_5m_tokens Nullable(UInt32) CODEC(ZSTD(1)),
    cache_write_1h_tokens Nullable(UInt32) CODEC(ZSTD(1)),
    output_tokens         Nullable(UInt32) CODEC(ZSTD(1)),
    reasoning_tokens      Nullable(UInt32) CODEC(ZSTD(1)),
    audio_in_tokens       Nullable(UInt32) CODEC(ZSTD(1)),
    audio_out_tokens      Nullable(UInt32) CODEC(ZSTD(1)),
    image_in_tokens       Nullable(UInt32) CODEC(ZSTD(1)),

    -- counted = 0: the row repeats another one (why: response_repeated, parent_of_usage) and adds nothing
    counted               UInt8 CODEC(ZSTD(1)),
    uncounted_reason      LowCardinality(String),
    last_attempt          UInt8 CODEC(ZSTD(1)),
    request_succeeded     UInt8 CODEC(ZSTD(1)),
    waste_class           LowCardinality(String),

    input_usd             Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    cache_read_usd        Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    cache_write_5m_usd    Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    cache_write_1h_usd    Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    output_usd            Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    reasoning_usd         Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    audio_in_usd          Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    audio_out_usd         Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    image_in_usd          Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    call_usd              Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    cost_usd              Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    -- why cost_usd is NULL: no_model, no_rate, no_usage; '' when it is not
    unpriced_reason       LowCardinality(String),
    -- provider cache: read x (input - read rate) - write x (write rate - input); may be negative
    provider_cache_saving_usd Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    -- what a hit in the client's own response cache would have cost
    response_cache_saving_usd Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    rate_version          UInt32 CODEC(ZSTD(1)),
    version               UInt64 CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(version)
PARTITION BY toYYYYMM(started_at)
ORDER BY (workspace_id, toStartOfHour(started_at), trace_id, span_id)
TTL toDateTime(started_at) + INTERVAL 800 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- Sums by UTC hour and dimension; rows that a recomputation no longer finds are marked deleted.
-- A request is counted where its last attempt is; waste stays with the attempt that caused it.
CREATE TABLE IF NOT EXISTS usage_hourly {on_cluster}
(
    workspace_id          UInt64 CODEC(ZSTD(1)),
    hour                  DateTime('UTC') CODEC(Delta, ZSTD(1)),
    tenant                LowCardinality(String),
    team                  LowCardinality(String),
    feature               LowCardinality(String),
    environment           LowCardinality(String),
    operation             LowCardinality(String),
    provider              LowCardinality(String),
    model                 LowCardinality(String),

    calls                 UInt64 CODEC(ZSTD(1)),
    requests              UInt64 CODEC(ZSTD(1)),
    successful_requests   UInt64 CODEC(ZSTD(1)),
    unpriced_calls        UInt64 CODEC(ZSTD(1)),
    uncounted_calls       UInt64 CODEC(ZSTD(1)),

    input_tokens          UInt64 CODEC(ZSTD(1)),
    cache_read_tokens     UInt64 CODEC(ZSTD(1)),
    cache_write_5m_tokens UInt64 CODEC(ZSTD(1)),
    cache_write_1h_tokens UInt64 CODEC(ZSTD(1)),
    output_tokens         UInt64 CODEC(ZSTD(1)),
    reasoning_tokens      UInt64 CODEC(ZSTD(1)),
    audio_in_tokens       UInt64 CODEC(ZSTD(1)),
    audio_out_tokens      UInt64 CODEC(ZSTD(1)),
    image_in_tokens       UInt64 CODEC(ZSTD(1)),

    cost_usd              Decimal(38, 12) CODEC(ZSTD(1)),
    clean_cost_usd        Decimal(38, 12) CODEC(ZSTD(1)),
    retry_cost_usd        Decimal(38, 12) CODEC(ZSTD(1)),
    failed_cost_usd       Decimal(38, 12) CODEC(ZSTD(1)),
    fallback_cost_usd     Decimal(38, 12) CODEC(ZSTD(1)),
    aborted_cost_usd      Decimal(38, 12) CODEC(ZSTD(1)),
    duplicate_cost_usd    Decimal(38, 12) CODEC(ZSTD(1)),
    provider_cache_saving_usd Decimal(38, 12) CODEC(ZSTD(1)),
    response_cache_saving_usd Decimal(38, 12) CODEC(ZSTD(1)),

    is_deleted            UInt8 CODEC(ZSTD(1)),
    version               UInt64 CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(hour)
ORDER BY (workspace_id, hour, tenant, model, provider, operation, feature, team, environment)
TTL hour + INTERVAL 1600 DAY
SETTINGS non_replicated_deduplication_window = 10000;
