"""`manage.py demo` against the running product."""

from __future__ import annotations

import gzip
import re
import subprocess
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Demo
from tests.e2e.stack import MANAGE, Stack


def played(stack: Stack, key: str) -> dict[str, Any]:
    totals: dict[str, Any] = stack.get("/api/v1/unit-costs", key)["totals"]
    return totals


def test_the_first_start_plays_the_demo_and_charges_it_to_the_last_call(
    stack: Stack, demo: Demo
) -> None:
    said = re.search(r"Played (\d+) requests in (\d+) calls .*: \$(\d+\.\d\d)", stack.said())
    assert said is not None, stack.said()
    totals = played(stack, demo.key)
    assert totals["calls"] == int(said[2])
    assert totals["requests"] == int(said[1])
    assert round(float(totals["cost_usd"]), 2) == float(said[3])
    assert 0 < totals["unpriced_calls"] < totals["calls"] / 10
    assert float(totals["waste_cost_usd"]) > 0


def test_a_second_start_says_that_it_was_played_and_plays_nothing(stack: Stack, demo: Demo) -> None:
    before = played(stack, demo.key)
    again = stack.manage("demo", "--calls", "600")
    assert again.returncode == 0
    assert "--again plays it once more" in again.stdout
    assert stack.manage("demo", "--once").stdout == ""
    assert played(stack, demo.key) == before


def test_a_trace_of_ones_own_is_played_and_a_damaged_one_is_refused(
    stack: Stack, tmp_path: Path
) -> None:
    trace = tmp_path / "own.csv"
    trace.write_text("t,client,input,output\n0,7,100,10\n1,7,200,20\n2,99,300,30\n")
    slug = stack.workspace("own-trace")
    key = stack.key(slug, "read")
    options = ("--trace", str(trace), "--format", "servegen", "--workspace", slug)
    run = stack.manage("demo", *options)
    assert run.returncode == 0, run.stderr + stack.logs()
    rows = stack.get("/api/v1/unit-costs", key, group_by="tenant")["rows"]
    assert {row["tenant"] for row in rows} == {"maple-legal", "client-99"}

    many = "".join(f"{i},7,100,10\n" for i in range(1000))
    trace.write_bytes(gzip.compress(f"t,client,input,output\n{many}".encode())[:-20])
    before = played(stack, key)
    run = stack.manage("demo", "--again", *options)
    assert run.returncode != 0
    assert re.fullmatch(r"CommandError: .*own\.csv: .* damaged or cut off .*\n", run.stderr)
    assert played(stack, key) == before


def test_without_a_running_product_it_says_how_to_start_one(stack: Stack, tmp_path: Path) -> None:
    elsewhere = {**stack.environment, "FINOPS_DATA_DIR": str(tmp_path), "FINOPS_OTLP_PORT": "9"}
    run = subprocess.run(
        [*MANAGE, "demo"], env=elsewhere, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "make run" in run.stderr
    assert run.stderr.count("\n") == 1
