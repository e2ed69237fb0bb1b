"""The ClickHouse client, the SQL migrations and the embedded server."""
