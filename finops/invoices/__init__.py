"""What providers billed, beside what was captured: import of their exports, and reconciliation by day and model."""
