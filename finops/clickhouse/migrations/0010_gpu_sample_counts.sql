-- How many rows were ever written to gpu_samples, by workspace and five minutes of their time: what the
-- allocation looks at to see which hours have new samples, without counting the samples themselves.
-- A sum that only grows: whatever is written changes it, also a row that comes again, and merges of
-- gpu_samples don't. So no two inserts may be taken for copies of each other.
CREATE TABLE IF NOT EXISTS gpu_sample_counts {on_cluster}
(
    workspace_id UInt64 CODEC(ZSTD(1)),
    slot         DateTime('UTC') CODEC(Delta, ZSTD(1)),
    written      UInt64 CODEC(ZSTD(1))
)
ENGINE = {replicated}SummingMergeTree
PARTITION BY toYYYYMM(slot)
ORDER BY (workspace_id, slot)
TTL slot + INTERVAL 400 DAY
SETTINGS non_replicated_deduplication_window = 0, replicated_deduplication_window = 0;

CREATE MATERIALIZED VIEW IF NOT EXISTS count_gpu_samples {on_cluster} TO gpu_sample_counts AS
SELECT workspace_id, toStartOfFiveMinutes(ts) AS slot, count() AS written
FROM gpu_samples
GROUP BY workspace_id, slot;

-- After the view, so that no row is in neither; one that is counted twice does no harm.
INSERT INTO gpu_sample_counts
SELECT workspace_id, toStartOfFiveMinutes(ts) AS slot, count() AS written
FROM gpu_samples
GROUP BY workspace_id, slot;
