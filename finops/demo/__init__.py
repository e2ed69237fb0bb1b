"""The demo: recorded traffic played through the real SDK."""
