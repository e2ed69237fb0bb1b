"""Budgets, alert rules, their evaluation and notification."""
