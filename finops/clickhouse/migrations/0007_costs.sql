-- What an audit asks of a charge: images that were made, things that are billed by use and not by
-- token, the list price beside the contracted one, and everything that a repricing needs, so that it
-- reads charges alone.
-- `uses` counts by the keys web_search, file_search, page, character and audio_ms; a key that is not
-- there was not used, or not sent.

ALTER TABLE calls {on_cluster}
    ADD COLUMN IF NOT EXISTS image_out_tokens Nullable(UInt32) CODEC(T64, ZSTD(1)) AFTER image_in_tokens,
    ADD COLUMN IF NOT EXISTS uses Map(LowCardinality(String), UInt64) CODEC(ZSTD(1)) AFTER image_out_tokens;

-- uses_usd: USD for one use.
ALTER TABLE rates {on_cluster}
    ADD COLUMN IF NOT EXISTS image_out_usd Nullable(Decimal(38, 18)) AFTER image_in_usd,
    ADD COLUMN IF NOT EXISTS uses_usd Map(LowCardinality(String), Decimal(38, 18)) AFTER call_usd;

-- cost_usd is the contracted cost: the buckets, call_usd and uses_usd (all fees by use) add up to it.
-- list_usd: the same call at list price, NULL where there is none; discount_saving_usd = list_usd - cost_usd.
-- hit: the client's own cache answered, so that nothing was bought.
-- waste_inferred: no request id was sent; which attempts belong together was inferred.
ALTER TABLE charges {on_cluster}
    ADD COLUMN IF NOT EXISTS agent LowCardinality(String) CODEC(ZSTD(1)) AFTER environment,
    ADD COLUMN IF NOT EXISTS region LowCardinality(String) CODEC(ZSTD(1)) AFTER model,
    ADD COLUMN IF NOT EXISTS image_out_tokens Nullable(UInt32) CODEC(T64, ZSTD(1)) AFTER image_in_tokens,
    ADD COLUMN IF NOT EXISTS uses Map(LowCardinality(String), UInt64) CODEC(ZSTD(1)) AFTER image_out_tokens,
    ADD COLUMN IF NOT EXISTS hit UInt8 DEFAULT isNotNull(response_cache_saving_usd) CODEC(ZSTD(1)) AFTER uses,
    ADD COLUMN IF NOT EXISTS waste_inferred UInt8 CODEC(ZSTD(1)) AFTER waste_class,
    ADD COLUMN IF NOT EXISTS image_out_usd Nullable(Decimal(38, 12)) CODEC(ZSTD(1)) AFTER image_in_usd,
    ADD COLUMN IF NOT EXISTS uses_usd Nullable(Decimal(38, 12)) CODEC(ZSTD(1)) AFTER call_usd,
    ADD COLUMN IF NOT EXISTS list_usd Nullable(Decimal(38, 12)) CODEC(ZSTD(1)) AFTER cost_usd,
    ADD COLUMN IF NOT EXISTS discount_saving_usd Nullable(Decimal(38, 12)) CODEC(ZSTD(1)) AFTER response_cache_saving_usd;

-- inferred_waste_usd: the part of the waste whose requests were inferred.
ALTER TABLE usage_hourly {on_cluster}
    ADD COLUMN IF NOT EXISTS image_out_tokens UInt64 CODEC(ZSTD(1)) AFTER image_in_tokens,
    ADD COLUMN IF NOT EXISTS list_usd Decimal(38, 12) CODEC(ZSTD(1)) AFTER cost_usd,
    ADD COLUMN IF NOT EXISTS inferred_waste_usd Decimal(38, 12) CODEC(ZSTD(1)) AFTER duplicate_cost_usd,
    ADD COLUMN IF NOT EXISTS discount_saving_usd Decimal(38, 12) CODEC(ZSTD(1)) AFTER response_cache_saving_usd;
