"""What providers billed, beside what was captured: import, and reconciliation by day and model."""
