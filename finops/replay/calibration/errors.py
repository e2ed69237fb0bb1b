"""What a user can't calibrate from; each sentence says what to change."""

from __future__ import annotations


class CalibrationError(Exception):
    """Base of this room's errors; none of them goes away by trying again."""

    code = "calibration"
    retryable = False


class InvalidInput(CalibrationError):
    """A file or a selection that holds no usable measurement."""

    code = "invalid_input"
