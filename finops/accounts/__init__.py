"""Workspaces, members and their roles, API keys, the audit log."""
