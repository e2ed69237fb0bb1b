-- Facts: what was received (spans), what it means (calls, gpu_samples), and which spool segments are in.
-- Frozen once released: a change of the schema is a new file.
-- {on_cluster} is empty or ON CLUSTER name; {replicated} is empty or Replicated.

-- One partition a day, so that retention drops whole parts. The sort key serves the one question that
-- is asked of this table: "show me what the client sent for this trace", and compresses because the
-- attributes of one trace resemble each other.
CREATE TABLE IF NOT EXISTS spans {on_cluster}
(
    workspace_id    UInt64 CODEC(ZSTD(1)),
    trace_id        FixedString(16) CODEC(ZSTD(1)),
    span_id         FixedString(8) CODEC(ZSTD(1)),
    parent_span_id  FixedString(8) CODEC(ZSTD(1)),
    name            LowCardinality(String),
    kind            UInt8,
    started_at      DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    ended_at        DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    status_code     UInt8,
    status_message  String CODEC(ZSTD(1)),
    scope_name      LowCardinality(String),
    scope_version   LowCardinality(String),
    resource        Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    attributes      Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    dialect         LowCardinality(String),
    segment         LowCardinality(String),
    receipt         UInt64 CODEC(Delta, ZSTD(1)),
    received_at     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX segment_index segment TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {replicated}MergeTree
PARTITION BY toDate(received_at)
ORDER BY (workspace_id, trace_id, span_id)
TTL toDateTime(received_at) + INTERVAL 14 DAY
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- One row per attempt at inference. A month a partition: queries and retention go by month, and a
-- back-fill of old traffic opens few parts. The sort key starts with the workspace and the hour
-- (every read is of one workspace and a range of time; the charge job works by hour) and ends with
-- the identity of a call, so that the copies of one span, which agree in all of it, collapse.
-- '' and 0 mean "not sent" for texts and hashes; token counts that were not sent are NULL.
CREATE TABLE IF NOT EXISTS calls {on_cluster}
(
    workspace_id          UInt64 CODEC(ZSTD(1)),
    tenant                LowCardinality(String),
    user_id               String CODEC(ZSTD(1)),
    team                  LowCardinality(String),
    feature               LowCardinality(String),
    environment           LowCardinality(String),
    service               LowCardinality(String),
    session_id            String CODEC(ZSTD(1)),
    prompt_name           LowCardinality(String),
    prompt_version        LowCardinality(String),
    agent                 LowCardinality(String),
    tags                  Map(LowCardinality(String), String) CODEC(ZSTD(1)),

    trace_id              FixedString(16) CODEC(ZSTD(1)),
    span_id               FixedString(8) CODEC(ZSTD(1)),
    parent_span_id        FixedString(8) CODEC(ZSTD(1)),
    action_id             String CODEC(ZSTD(1)),
    action_name           LowCardinality(String),
    request_id            String CODEC(ZSTD(1)),
    attempt               UInt16 CODEC(ZSTD(1)),
    response_id           String CODEC(ZSTD(1)),

    operation             LowCardinality(String),
    provider              LowCardinality(String),
    model_requested       LowCardinality(String),
    model_served          LowCardinality(String),
    region                LowCardinality(String),
    service_tier          LowCardinality(String),
    stream                Nullable(UInt8) CODEC(ZSTD(1)),
    max_output_tokens     Nullable(UInt32) CODEC(ZSTD(1)),

    started_at            DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
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
    usage_source          LowCardinality(String),
    usage_flag            LowCardinality(String),

    outcome               LowCardinality(String),
    error_type            LowCardinality(String),
    finish_reason         LowCardinality(String),
    success               Nullable(UInt8) CODEC(ZSTD(1)),
    score                 Nullable(Float64) CODEC(ZSTD(1)),

    cache_layer           LowCardinality(String),
    cache_hit             UInt8 CODEC(ZSTD(1)),

    prompt_hash           UInt64 CODEC(ZSTD(1)),
    answer_hash           UInt64 CODEC(ZSTD(1)),
    prompt_chain          Array(UInt64) CODEC(ZSTD(1)),
    segments              Array(Tuple(name String, tokens UInt32, hash UInt64)) CODEC(ZSTD(1)),
    sketch                String CODEC(ZSTD(1)),
    timeout_ms            Nullable(UInt32) CODEC(ZSTD(1)),

    dialect               LowCardinality(String),
    emitter               LowCardinality(String),
    segment               LowCardinality(String),
    received_at           DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),

    INDEX segment_index segment TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX trace_index trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX request_index request_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX response_index response_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = {replicated}ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(started_at)
ORDER BY (workspace_id, toStartOfHour(started_at), trace_id, span_id)
TTL toDateTime(started_at) + INTERVAL 800 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- One row per GPU and sample; read by pool and hour when a GPU bill is allocated.
CREATE TABLE IF NOT EXISTS gpu_samples {on_cluster}
(
    workspace_id        UInt64 CODEC(ZSTD(1)),
    host                LowCardinality(String),
    gpu_uuid            LowCardinality(String),
    gpu_model           LowCardinality(String),
    pool                LowCardinality(String),
    ts                  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    utilisation         Nullable(Float32) CODEC(ZSTD(1)),
    memory_utilisation  Nullable(Float32) CODEC(ZSTD(1)),
    memory_used_bytes   Nullable(UInt64) CODEC(ZSTD(1)),
    memory_total_bytes  Nullable(UInt64) CODEC(ZSTD(1)),
    power_w             Nullable(Float32) CODEC(ZSTD(1)),
    temperature_c       Nullable(Float32) CODEC(ZSTD(1)),
    energy_j            Nullable(Float64) CODEC(ZSTD(1)),
    dialect             LowCardinality(String),
    segment             LowCardinality(String),
    received_at         DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(ts)
ORDER BY (workspace_id, pool, host, gpu_uuid, ts)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- One row per spool segment: written by the loader when its calls are in (version 0), and again by
-- the charge job when they are charged (version of the run). The work list of the charge job is
-- "charged = 0"; no clock has to agree with any other for a late row to be found.
CREATE TABLE IF NOT EXISTS segments {on_cluster}
(
    segment    String,
    spans      UInt64,
    calls      UInt64,
    loaded_at  DateTime64(3, 'UTC'),
    charged    UInt8,
    charged_at DateTime64(3, 'UTC'),
    version    UInt64
)
ENGINE = {replicated}ReplacingMergeTree(version)
ORDER BY segment
TTL toDateTime(loaded_at) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;
