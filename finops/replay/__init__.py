"""Trace readers, transforms, the replay harness, verdicts and recommendations."""
