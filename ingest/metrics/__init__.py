"""Metrics: what GPUs and inference servers say about themselves.

Requests are admitted (admission.py) with the names of the tables (gpu_names.py, serving_names.py),
spooled like traces, and read by ClickHouse from the segment (points.py) into `gpu_samples` (gpu.py)
and `serving_samples` (serving.py).
"""
