"""Whether a fit is one: a wrong unit or a wrong deployment shows as errors that no model has."""

from __future__ import annotations

from collections.abc import Sequence as Rows

import numpy as np

from finops.engine.calibrate import Profile
from finops.engine.fit_profile import residuals
from finops.engine.points import Point
from finops.engine.profile import METRICS, ProfileRecord

# Half of the points are predicted so many times too long, or too short. The worst deployment on
# record (docs/engine.md) is off by a half; seconds taken for milliseconds are off by hundreds.
FACTOR = 4.0


def doubt(record: ProfileRecord, points: Rows[Point]) -> str:
    """Why a fit to these points is none, and what to look at; '' for one that may be used."""
    known = [point for point in points if not (point.ttft_s is None and point.tpot_s is None)]
    found = residuals(known, Profile(record.constants, record.held_back))
    for metric, column in zip(METRICS, found.T, strict=True):
        seen = column[~np.isnan(column)]
        times = float(np.exp(np.median(np.abs(seen)))) if len(seen) else 1.0
        if times > FACTOR:
            return (
                f"Half of the points are off by a factor of {times:.0f} or more in {metric} after "
                "the fit: no server behaves like this. Are ttft_ms and tpot_ms in milliseconds? "
                "Are model, GPU, precision and tp those that were measured?"
            )
    return ""
