-- What arrived, by segment: the page that shows a workspace what the collector took from it, from whom
-- and what became of it asks here and not the spans themselves. A segment has few rows, and they are
-- written once; a batch that is loaded again writes the same rows.
CREATE TABLE IF NOT EXISTS arrivals {on_cluster}
(
    workspace_id UInt64 CODEC(ZSTD(1)),
    hour         DateTime('UTC') CODEC(Delta, ZSTD(1)),
    signal       LowCardinality(String),
    -- '' where no dialect was recognised: these spans are stored nowhere else
    dialect      LowCardinality(String),
    emitter      LowCardinality(String),
    segment      String CODEC(ZSTD(1)),
    received     UInt64 CODEC(ZSTD(1)),
    calls        UInt64 CODEC(ZSTD(1)),
    last_at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree
PARTITION BY toYYYYMM(hour)
ORDER BY (workspace_id, hour, signal, dialect, emitter, segment)
TTL hour + INTERVAL 90 DAY
SETTINGS non_replicated_deduplication_window = 10000;
