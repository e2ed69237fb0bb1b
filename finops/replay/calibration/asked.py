"""What a user says of the deployment, where the measurements don't."""

from __future__ import annotations

from dataclasses import dataclass

from finops.engine.catalogue import Catalogue
from finops.engine.observed.run import Setup
from finops.engine.read_points import deployment_of
from finops.engine.step_time import Deployment
from finops.replay.calibration.errors import InvalidInput


@dataclass(frozen=True)
class Asked:
    """The options of the command that describe a deployment; None for those left out."""

    model: str | None = None
    gpu: str | None = None
    engine: str | None = None
    precision: str | None = None
    kv: str | None = None
    tp: int | None = None
    max_seqs: int = 256
    max_tokens: int = 8192

    def row(self) -> dict[str, str]:
        """The same in the columns of a points file; raises InvalidInput for what must be said."""
        missing = [f"--{name}" for name in ("model", "gpu", "engine") if not getattr(self, name)]
        if missing:
            raise InvalidInput(f"Say what was measured: add {', '.join(missing)}.")
        if self.tp is not None and self.tp < 1:
            raise InvalidInput(f"--tp must be at least 1, not {self.tp}.")
        row = {"model": self.model, "gpu": self.gpu, "engine": self.engine}
        named = {name: value for name, value in row.items() if value is not None}
        kv = {"kv": self.kv} if self.kv else {}
        return named | kv | {"precision": self.precision or "", "tp": str(self.tp or 1)}

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
