"""Recorded runs of real engines: read, replayed request by request, compared, and fitted to."""
