"""The batching engine: pure Python and numpy; knows nothing of Django or ClickHouse."""
