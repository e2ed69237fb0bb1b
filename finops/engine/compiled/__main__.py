"""`python -m finops.engine.compiled` compiles once, so that nobody waits for it later."""

from __future__ import annotations

import numpy as np

from finops.engine.compiled.run import is_installed, run
from finops.engine.executor import LinearStepTime
from finops.engine.policy import Policy
from finops.engine.workload import Workload


def main() -> None:
    """Run one request through."""
    one = np.ones(1, np.int64)
    if not is_installed():
        raise SystemExit("numba is not installed: `make engine` brings it.")
    run(Workload.of_columns(one, one, one), Policy(blocks=1), LinearStepTime(1))


if __name__ == "__main__":
    main()
