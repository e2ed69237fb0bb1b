-- What self-hosted GPUs cost by the hour, and whose it was. Derived from gpu_samples, charges and the
-- pools' prices, always rebuildable; a newer version of an hour replaces the older one (FINAL).

-- The profile of a MIG instance, such as 1g.10gb: which part of its card it is.
ALTER TABLE gpu_samples {on_cluster}
    ADD COLUMN IF NOT EXISTS gpu_profile SimpleAggregateFunction(max, LowCardinality(String)) AFTER gpu_model;

-- The bill of a pool's hour by its parts, and the GPU time that it paid for. bill_usd is the sum of
-- the parts, and of the hour's rows in gpu_allocations.
-- gpu_ms = busy_ms + idle_ms + unobserved_ms: what was billed, in GPU milliseconds.
-- inputs: a hash of what the hour was worked out from; an hour whose inputs changed is allocated again.
CREATE TABLE IF NOT EXISTS gpu_bills {on_cluster}
(
    workspace_id      UInt64 CODEC(Delta, ZSTD(1)),
    hour              DateTime('UTC') CODEC(Delta, ZSTD(1)),
    pool              LowCardinality(String),
    gpus              Decimal(18, 6) CODEC(ZSTD(1)),
    gpus_seen         UInt32 CODEC(ZSTD(1)),
    gpu_ms            UInt64 CODEC(ZSTD(1)),
    busy_ms           UInt64 CODEC(ZSTD(1)),
    idle_ms           UInt64 CODEC(ZSTD(1)),
    unobserved_ms     UInt64 CODEC(ZSTD(1)),
    -- GPU time of the pool that no price covers: not in the bill.
    unpriced_ms       UInt64 CODEC(ZSTD(1)),
    rent_usd          Decimal(38, 12) CODEC(ZSTD(1)),
    amortisation_usd  Decimal(38, 12) CODEC(ZSTD(1)),
    hosting_usd       Decimal(38, 12) CODEC(ZSTD(1)),
    power_usd         Decimal(38, 12) CODEC(ZSTD(1)),
    overhead_usd      Decimal(38, 12) CODEC(ZSTD(1)),
    bill_usd          Decimal(38, 12) CODEC(ZSTD(1)),
    energy_j          Float64 CODEC(ZSTD(1)),
    -- With the cooling and losses of the site (PUE); grams by the grid's factor, NULL without one.
    site_energy_j     Float64 CODEC(ZSTD(1)),
    co2e_g            Nullable(Float64) CODEC(ZSTD(1)),
    basis             LowCardinality(String),
    inputs            UInt64 CODEC(ZSTD(1)),
    price_version     LowCardinality(String),
    allocated_at      DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    is_deleted        UInt8 CODEC(ZSTD(1)),
    version           UInt64 CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(hour)
ORDER BY (workspace_id, hour, pool)
TTL hour + INTERVAL 1600 DAY
SETTINGS non_replicated_deduplication_window = 10000;

-- One row per pool, hour and group of calls; what no call used is rows of its own:
--   busy        GPU time at work; without a model where nobody's calls explain it
--   idle        observed and not at work
--   unobserved  billed, and nothing is known of it: a silent host, a gap between samples
--   overhead    what the pool adds for CPU, memory and network
-- The rows of an hour and pool add up to its bill exactly. weight is in thousandths of the basis' unit
-- (tokens or GPU milliseconds); calls and tokens of a call that ran over two hours are where it started.
CREATE TABLE IF NOT EXISTS gpu_allocations {on_cluster}
(
    workspace_id  UInt64 CODEC(Delta, ZSTD(1)),
    hour          DateTime('UTC') CODEC(Delta, ZSTD(1)),
    pool          LowCardinality(String),
    kind          LowCardinality(String),
    tenant        LowCardinality(String),
    team          LowCardinality(String),
    feature       LowCardinality(String),
    environment   LowCardinality(String),
    provider      LowCardinality(String),
    model         LowCardinality(String),
    calls         UInt64 CODEC(ZSTD(1)),
    tokens        UInt64 CODEC(ZSTD(1)),
    output_tokens UInt64 CODEC(ZSTD(1)),
    gpu_ms        UInt64 CODEC(ZSTD(1)),
    weight        UInt64 CODEC(ZSTD(1)),
    basis         LowCardinality(String),
    cost_usd      Decimal(38, 12) CODEC(ZSTD(1)),
    energy_j      Float64 CODEC(ZSTD(1)),
    price_version LowCardinality(String),
    is_deleted    UInt8 CODEC(ZSTD(1)),
    version       UInt64 CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(version, is_deleted)
PARTITION BY toYYYYMM(hour)
ORDER BY (workspace_id, hour, pool, kind, tenant, model, provider, team, feature, environment)
TTL hour + INTERVAL 1600 DAY
SETTINGS non_replicated_deduplication_window = 10000;
