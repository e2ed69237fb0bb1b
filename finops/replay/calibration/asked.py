"""What a user says of the deployment, where the measurements don't."""

from __future__ import annotations

from dataclasses import dataclass

from finops.engine.catalogue import Catalogue
from finops.engine.deployment import Deployment
from finops.engine.observed.run import Setup
from finops.engine.read_points import deployment_of
from finops.replay.calibration.errors import InvalidInput


@dataclass(frozen=True)
class Asked:
    """The options of the command that describe a deployment; None for those left out."""

    model: str | None = None
    gpu: str | None = None
    engine: str | None = None
    precision: str | None = None
    kv: str | None = None
    activations: str | None = None
    tp: int | None = None
    pp: int | None = None
    ep: int | None = None
    max_seqs: int = 256
    max_tokens: int = 8192

    def row(self) -> dict[str, str]:
        """The same in the columns of a points file; raises InvalidInput for what must be said."""
        missing = [f"--{name}" for name in ("model", "gpu", "engine") if not getattr(self, name)]
        if missing:
            raise InvalidInput(f"Say what was measured: add {', '.join(missing)}.")
        for name in ("tp", "pp", "ep", "max_seqs", "max_tokens"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InvalidInput(f"--{name.replace('_', '-')} must be at least 1, not {number}.")
        named = ("model", "gpu", "engine", "kv", "activations", "tp", "pp", "ep")
        row = {name: str(value) for name in named if (value := getattr(self, name))}
        return {"tp": "1"} | row | {"precision": self.precision or ""}

    def deployment(self, catalogue: Catalogue) -> Deployment:
        """The deployment; raises UnknownEntry for a name that the catalogue doesn't have."""
        return deployment_of(self.row(), catalogue)

    def setup(self) -> Setup:
        """How the engine was started."""
        return Setup(
            model=self.model or "",
            engine=self.engine or "",
            max_seqs=self.max_seqs,
            max_tokens=self.max_tokens,
            tp=self.tp or 1,
        )
