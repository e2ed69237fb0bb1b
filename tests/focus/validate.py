"""`make focus-check`: FOCUS's own validator on a file of ours, as CSV and as Parquet.

The validator needs Python 3.12 or newer and pins a numpy that its own pyarrow refuses, so it lives
in an environment of its own, which the first run makes. It knows FOCUS 1.2; the rules of 1.4 that
tests/focus/rules.py holds are run with the other tests. The exit status is 1 when a rule fails that
is not in CONTRADICTIONS.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import django
from django.db import connection

from tests.clickhouse_server import running

ROOT = Path(__file__).resolve().parent.parent.parent
HOME = ROOT / ".venv" / "focus-validator"
# In two steps: together they can't be resolved.
PACKAGES = (("focus-validator==2.2.1",), ("numpy>=2",))
# 3.12 first: for it the numpy that the validator pins comes built.
NAMES = ("python3.12", "python3.13", "python3.14", "python3")
VERSION = "1.2"
# What no file can keep, by the validator's model of 1.2 (1.2.0.1):
CONTRADICTIONS = {
    # InvoiceId has to be null (C-004) and must not be (C-005), both without a condition
    "InvoiceId-C-005-C",
    # demanded where the id beside it is null: the condition is written the wrong way round
    "CommitmentDiscountStatus-C-004-C",
    # the condition is not one that the validator reads, so it holds always
    "CapacityReservationStatus-C-004-C",
    # what consists of those above
    "CommitmentDiscountStatus-C-002-C",
    "CommitmentDiscountStatus-C-000-C",
    "CapacityReservationStatus-C-002-C",
    "CapacityReservationStatus-C-000-C",
    "CostAndUsage-D-002-M",
    "CostAndUsage-D-000-M",
}
TOTAL = re.compile(r"Total: (\d+) \| Pass: (\d+) \| Fail: (\d+) \| Skipped: (\d+)")
FAILED = re.compile(r"^\S+ ([A-Za-z]+-[A-Z]-\d+-[A-Z]): FAIL", re.MULTILINE)


def main() -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    validator = validator_path()
    # Which model a name of the workspace's own leads to is asked of the database: an empty one.
    made = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    with tempfile.TemporaryDirectory(prefix="focus-check-") as name:
        folder = Path(name)
        write_files(folder)
        lay_out(validator, folder)
        results = [check(validator, folder, kind) for kind in ("csv", "parquet")]
    connection.creation.destroy_test_db(made, verbosity=0)
    return 0 if all(results) else 1


def validator_path() -> Path:
    """Return the validator; makes its environment where there is none."""
    path = HOME / "bin" / "focus-validator"
    if path.exists() and (HOME / ".done").exists():
        return path
    python = new_enough()
    subprocess.run([python, "-m", "venv", "--clear", str(HOME)], check=True)
    for packages in PACKAGES:
        install = [str(HOME / "bin" / "python"), "-m", "pip", "install", "-q", *packages]
        subprocess.run(install, check=True)
    (HOME / ".done").touch()
    return path


def new_enough() -> str:
    """Return an interpreter that really runs (a shim can be there and fail) and is new enough."""
    names = [shutil.which(name) for name in NAMES]
    installed = sorted(Path.home().glob(".pyenv/versions/3.*/bin/python3"))
    asked = "import sys; sys.exit(sys.version_info < (3, 12))"
    for path in (*filter(None, names), *map(str, installed)):
        if not subprocess.run([path, "-c", asked], capture_output=True, check=False).returncode:
            return path
    raise SystemExit("focus-check needs Python 3.12 or newer beside the one in use.")


def write_files(folder: Path) -> None:
    """Fill a ledger of every kind of row, and export it."""
    from finops.clickhouse.client import connect
    from finops.clickhouse.migrate import Shape, bring_up_to_date
    from finops.focus.export import Export, Tally, export_rows
    from finops.focus.versions import version_named
    from finops.focus.write_csv import csv_pieces
    from finops.focus.write_parquet import write_parquet
    from tests.focus.ledger import PARTS, add_bought, add_gpu_parts
    from tests.focus.lines import ACME
    from tests.focus.test_export import BOUGHT, DAY

    with running(folder / "clickhouse") as server:
        ch = connect(server.url)
        bring_up_to_date(ch, Shape(), datetime.now(UTC))
        add_bought(ch, BOUGHT)
        add_gpu_parts(ch, PARTS)
        wanted = Export(1, ACME, DAY, version_named(VERSION))
        text = "".join(csv_pieces(export_rows(ch, wanted, Tally()), wanted.version))
        (folder / "focus.csv").write_text(text, encoding="utf-8", newline="")
        write_parquet(export_rows(ch, wanted, Tally()), wanted.version, folder / "focus.parquet")
        ch.close()


def lay_out(validator: Path, folder: Path) -> None:
    """Copy the list of currencies to where the validator looks: below the working directory."""
    (rules,) = (validator.parent.parent / "lib").glob("*/site-packages/focus_validator/rules")
    target = folder / "focus_validator" / "rules"
    target.mkdir(parents=True)
    shutil.copy(rules / "currency_codes.csv", target)


def check(validator: Path, folder: Path, kind: str) -> bool:
    """Run the validator with every criterion on; say what it found."""
    done = subprocess.run(
        [
            validator, "--data-file", f"focus.{kind}", "--validate-version", VERSION,
            "--block-download", "--applicability-criteria", "ALL",
        ],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    found = TOTAL.search(done.stdout)
    if found is None:
        sys.stderr.write(
            f"{kind}: the validator didn't run\n{done.stdout[-500:]}{done.stderr[-1500:]}"
        )
        return False
    failed = set(FAILED.findall(done.stdout))
    rules, passed, _, skipped = found.groups()
    sys.stdout.write(
        f"FOCUS {VERSION}, {kind}: {rules} rules, {passed} kept, {skipped} don't apply, "
        f"{len(failed & CONTRADICTIONS)} contradict others, {len(failed - CONTRADICTIONS)} broken\n"
    )
    for rule in sorted(failed - CONTRADICTIONS):
        sys.stdout.write(f"  {rule}\n")
    return int(found[3]) == len(failed) and not failed - CONTRADICTIONS


if __name__ == "__main__":
    sys.exit(main())
