-- What GPUs and inference servers say about themselves, from OTLP metrics.

-- One row per GPU (or MIG instance of one) and second. gpu_samples of 0001 was never written to; it is
-- made anew, because the metrics of one GPU may arrive in several requests and must become one row:
-- a ReplacingMergeTree would keep the columns of the last request only, and a CoalescingMergeTree
-- would let the order of arrival decide between two values of one column. Here every column is a
-- maximum, and NULL is less than anything: whatever the order, the split or the repetition of
-- requests, the same row results. ts is the time of collection cut to the second, so that what a
-- sender read in one pass comes together. Readers use FINAL.
DROP TABLE IF EXISTS gpu_samples {on_cluster} SYNC;

-- What was not sent is NULL or ''. Ratios go from 0 to 1. The aliases say what is best known:
-- engine_active before kernel_active, because a kernel of one block makes the latter 1.
CREATE TABLE IF NOT EXISTS gpu_samples {on_cluster}
(
    workspace_id          UInt64 CODEC(ZSTD(1)),
    host                  LowCardinality(String),
    gpu_uuid              LowCardinality(String),
    gpu_instance          LowCardinality(String),
    ts                    DateTime('UTC') CODEC(Delta, ZSTD(1)),

    gpu_model             SimpleAggregateFunction(max, LowCardinality(String)),
    pool                  SimpleAggregateFunction(max, LowCardinality(String)),
    namespace             SimpleAggregateFunction(max, LowCardinality(String)),
    pod                   SimpleAggregateFunction(max, LowCardinality(String)),
    container             SimpleAggregateFunction(max, LowCardinality(String)),
    driver_version        SimpleAggregateFunction(max, LowCardinality(String)),

    engine_active         SimpleAggregateFunction(max, Nullable(Float32)) CODEC(ZSTD(1)),
    kernel_active         SimpleAggregateFunction(max, Nullable(Float32)) CODEC(ZSTD(1)),
    sm_active             SimpleAggregateFunction(max, Nullable(Float32)) CODEC(ZSTD(1)),
    memory_active         SimpleAggregateFunction(max, Nullable(Float32)) CODEC(ZSTD(1)),
    memory_ratio          SimpleAggregateFunction(max, Nullable(Float32)) CODEC(ZSTD(1)),
    memory_used_bytes     SimpleAggregateFunction(max, Nullable(UInt64)) CODEC(ZSTD(1)),
    memory_free_bytes     SimpleAggregateFunction(max, Nullable(UInt64)) CODEC(ZSTD(1)),
    memory_reserved_bytes SimpleAggregateFunction(max, Nullable(UInt64)) CODEC(ZSTD(1)),
    memory_limit_bytes    SimpleAggregateFunction(max, Nullable(UInt64)) CODEC(ZSTD(1)),
    power_w               SimpleAggregateFunction(max, Nullable(Float32)) CODEC(ZSTD(1)),
    temperature_c         SimpleAggregateFunction(max, Nullable(Float32)) CODEC(ZSTD(1)),
    -- A counter that only grows until the driver is loaded anew.
    energy_j              SimpleAggregateFunction(max, Nullable(Float64)) CODEC(ZSTD(1)),
    -- Of senders of deltas: what was used since their last sample.
    energy_delta_j        SimpleAggregateFunction(max, Nullable(Float64)) CODEC(ZSTD(1)),
    process_count         SimpleAggregateFunction(max, Nullable(UInt32)) CODEC(ZSTD(1)),
    -- Bytes by process id.
    process_memory        SimpleAggregateFunction(maxMap, Map(UInt32, UInt64)) CODEC(ZSTD(1)),
    -- How long before ts the utilisations were observed.
    window_s              SimpleAggregateFunction(max, Nullable(Float32)) CODEC(ZSTD(1)),

    dialect               SimpleAggregateFunction(max, LowCardinality(String)),
    segment               SimpleAggregateFunction(max, LowCardinality(String)),
    received_at           SimpleAggregateFunction(max, DateTime64(3, 'UTC')) CODEC(Delta, ZSTD(1)),

    utilisation           Nullable(Float32) ALIAS coalesce(engine_active, kernel_active),
    utilisation_source    String ALIAS multiIf(isNotNull(engine_active), 'engine_active', isNotNull(kernel_active), 'kernel_active', ''),
    memory_total_bytes    Nullable(UInt64) ALIAS coalesce(memory_limit_bytes, memory_used_bytes + memory_free_bytes + ifNull(memory_reserved_bytes, 0)),
    memory_utilisation    Nullable(Float32) ALIAS coalesce(toFloat32(memory_used_bytes / nullIf(memory_total_bytes, 0)), memory_ratio),
    processes             Nullable(UInt32) ALIAS coalesce(process_count, if(empty(process_memory), NULL, toUInt32(length(process_memory))))
)
ENGINE = {replicated}AggregatingMergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (workspace_id, toStartOfHour(ts), host, gpu_uuid, gpu_instance, ts)
TTL ts + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- One row per series of an inference server and moment, as it was sent: counters keep their start and
-- their temporality, and what happened between two moments is worked out when it is asked
-- (finops/queries/serving.py). So late points, repeated ones and restarts need no state at the door,
-- and a better rule reads the same rows. `series` is a hash of the metric's name, its labels, its
-- server and its temporality: two points of one series and one moment are copies, and collapse.
CREATE TABLE IF NOT EXISTS serving_samples {on_cluster}
(
    workspace_id UInt64 CODEC(ZSTD(1)),
    system       LowCardinality(String),
    host         LowCardinality(String),
    instance     LowCardinality(String),
    model        LowCardinality(String),
    engine       LowCardinality(String),
    pool         LowCardinality(String),

    measure      LowCardinality(String),
    reason       LowCardinality(String),
    name         LowCardinality(String),
    -- '' for a metric as such. A histogram that was taken apart comes as counters: bucket, sum, count.
    part         LowCardinality(String),
    series       UInt64 CODEC(ZSTD(1)),
    temporality  Enum8('none' = 0, 'delta' = 1, 'cumulative' = 2),
    -- 1970 where it is unknown.
    start_ts     DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    ts           DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),

    -- The number, or a histogram's sum; NULL when no sum was sent.
    value        Nullable(Float64) CODEC(ZSTD(1)),
    -- A histogram: how many values in all, and in each bucket; one bucket more than bounds.
    count        UInt64 CODEC(ZSTD(1)),
    bounds       Array(Float64) CODEC(ZSTD(1)),
    counts       Array(UInt64) CODEC(ZSTD(1)),

    segment      LowCardinality(String),
    received_at  DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(received_at)
PARTITION BY toYYYYMM(ts)
ORDER BY (workspace_id, measure, toStartOfHour(ts), series, ts)
TTL toDateTime(ts) + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 10000;
