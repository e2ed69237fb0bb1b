"""What every test shares: a data folder of its own, set before Django reads its settings."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# One folder for each process of the run, so parallel workers never share a database or a spool.
os.environ["FINOPS_DATA_DIR"] = str(Path(tempfile.mkdtemp(prefix="inferledger-tests-")) / "data")
