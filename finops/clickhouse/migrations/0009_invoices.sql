-- What providers billed, line by line, as their own exports say it.

-- A unit is what one import replaces whole: (workspace, bill, account, day, spread). The lines that
-- hold are those of the newest version of their unit, so an import, or taking one back, is seen all at
-- once and no row has to be found and removed for it. A unit that came out empty has one row of the
-- category void.
-- No partitions: an insert of one block is then all or nothing, and a year of lines is small.
CREATE TABLE IF NOT EXISTS invoice_lines {on_cluster}
(
    workspace_id  UInt64 CODEC(ZSTD(1)),
    -- which of a provider's books the line is from, whatever the format: openai.cost, openai.usage,
    -- anthropic.cost, anthropic.usage, aws, azure, google, csv ...
    bill          LowCardinality(String),
    -- who is billed: the organisation or payer
    account       LowCardinality(String),
    -- UTC, as the provider says it
    day           Date CODEC(Delta, ZSTD(1)),
    -- 1: the charge covers more than a day (a month's tax, a commitment)
    spread        UInt8 CODEC(ZSTD(1)),
    -- of the line's own words, with a number for those that repeat in one file
    line_id       FixedString(16) CODEC(ZSTD(1)),

    invoice_id    UInt64 CODEC(ZSTD(1)),
    line          UInt32 CODEC(ZSTD(1)),
    provider      LowCardinality(String),
    -- as billed; '' where the line names none
    model         LowCardinality(String),
    service_tier  LowCardinality(String),
    -- which bucket or counted thing: input, cache_read, output ... (finops/invoices/meter.py)
    meter         LowCardinality(String),
    -- usage, credit, refund, tax, fee, commitment, adjustment, void
    category      LowCardinality(String),
    project       LowCardinality(String),
    description   String CODEC(ZSTD(1)),
    -- as billed: 12.5 of "1K tokens"
    quantity      Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    unit          LowCardinality(String),
    -- quantity as tokens; NULL where it doesn't count tokens
    tokens        Nullable(Decimal(38, 6)) CODEC(ZSTD(1)),
    -- NULL: a usage export, which names no money
    billed        Nullable(Decimal(38, 18)) CODEC(ZSTD(1)),
    currency      LowCardinality(String),
    -- NULL: not billed in USD
    cost_usd      Nullable(Decimal(38, 12)) CODEC(ZSTD(1)),
    -- the row of the export, as JSON
    raw           String CODEC(ZSTD(3)),
    imported_at   DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    version       UInt64 CODEC(ZSTD(1))
)
ENGINE = {replicated}ReplacingMergeTree(version)
ORDER BY (workspace_id, day, bill, account, spread, line_id)
TTL day + INTERVAL 1600 DAY
SETTINGS non_replicated_deduplication_window = 1000;
