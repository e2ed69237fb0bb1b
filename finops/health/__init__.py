"""Is each part of the product well? Heartbeats, probes and the page that names them."""

from finops.health.heartbeat import beat, last_beat

__all__ = ["beat", "last_beat"]
