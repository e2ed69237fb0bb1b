"""Exponential histograms as histograms with explicit bounds, which is exact.

Bucket k of scale s holds what lies between base**k and base**(k+1), base being 2**(2**-s). All that
we measure is above zero, so what is counted at or below zero goes into the lowest bucket.
"""

from __future__ import annotations

from typing import Any

# 2**1024 is no double any more.
LARGEST_EXPONENT = 1023.0


def make_explicit(metric: Any) -> None:
    """Turn a metric that holds an exponential histogram into one that holds a plain one."""
    whole = type(metric)()
    whole.CopyFrom(metric)
    source = whole.exponential_histogram
    metric.histogram.aggregation_temporality = source.aggregation_temporality
    for point in source.data_points:
        copy_point(point, metric.histogram.data_points.add())


def copy_point(point: Any, made: Any) -> None:
    for key, value in point.attributes.items():
        made.attributes[key].CopyFrom(value)
    made.start_time_unix_nano = point.start_time_unix_nano
    made.time_unix_nano = point.time_unix_nano
    made.count, made.flags = point.count, point.flags
    if point.HasField("sum"):
        made.sum = point.sum
    positive = list(point.positive.bucket_counts)
    lowest = point.zero_count + sum(point.negative.bucket_counts)
    made.explicit_bounds.extend(bounds_of(point.scale, point.positive.offset, len(positive)))
    made.bucket_counts.extend((lowest, *positive, 0))


def bounds_of(scale: int, offset: int, buckets: int) -> list[float]:
    """Return the bounds around some buckets: one more than there are buckets.

    The same bound comes out as the same double whatever the scale, since scales halve exactly.
    """
    width = 2.0**-scale
    return [
        2.0 ** max(min(k * width, LARGEST_EXPONENT), -LARGEST_EXPONENT)
        for k in range(offset, offset + buckets + 1)
    ]
