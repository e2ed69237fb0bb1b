"""What the engine refuses; each sentence says what to change."""

from __future__ import annotations


class EngineError(Exception):
    """Base of the engine's errors; `retryable` are those that may go away by trying again."""

    code = "engine"
    retryable = False


class InvalidPolicy(EngineError):
    """A scheduler's setting contradicts itself or another."""

    code = "invalid_policy"


class InvalidSampling(EngineError):
    """Nothing can be drawn with these settings."""

    code = "invalid_sampling"


class InvalidWorkload(EngineError):
    """A request can't be simulated as given."""

    code = "invalid_workload"


class UnknownEntry(EngineError):
    """A GPU, model or precision that no catalogue holds."""

    code = "unknown_entry"


class InvalidCatalogue(EngineError):
    """A catalogue file that can't be read as one."""

    code = "invalid_catalogue"


class NeedsCalibration(EngineError):
    """Nothing can be said of this deployment before something was measured."""

    code = "needs_calibration"


class TooFewPoints(EngineError):
    """Constants can't be fitted to so little."""

    code = "too_few_points"


class InvalidProfile(EngineError):
    """A file of a calibration that can't be read as one, or that belongs to something else."""

    code = "invalid_profile"


class UnreadableModel(EngineError):
    """A model's folder lacks something, or holds something broken."""

    code = "unreadable_model"


class UnsupportedModel(EngineError):
    """A model whose architecture or setting nobody here has built."""

    code = "unsupported_model"


class InvalidPrompt(EngineError):
    """Tokens that the model can't take."""

    code = "invalid_prompt"


class UnsupportedDevice(EngineError):
    """A device, number format or precision that can't be used here."""

    code = "unsupported_device"
