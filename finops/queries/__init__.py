"""Every read of ClickHouse, by question."""
