"""`manage.py slice_trace`, and the slices that the product ships."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from finops.demo.traces import AZURE, FOLDER, SERVEGEN
from finops.replay.readers.azure import read_azure
from finops.replay.readers.servegen import read_servegen

TRACE = "t,client,input,output\r\n0.1,7,10,1\r\n0.2,9,20,2\r\n0.3,7,30,3\r\n0.4,7,40,4\r\n"


def cut(source: Path, target: Path, every: int) -> str:
    out = io.StringIO()
    call_command("slice_trace", source, target, format="servegen", every=every, stdout=out)
    return out.getvalue()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    return path


def test_a_slice_keeps_every_nth_request_of_each_client(source: Path, tmp_path: Path) -> None:
    said = cut(source, tmp_path / "slice.csv.gz", every=2)
    kept = [(r.arrival_s, r.client) for r in read_servegen(tmp_path / "slice.csv.gz")]
    assert kept == [(0.1, "7"), (0.2, "9"), (0.4, "7")]
    assert "slice.csv.gz: 3 requests" in said


def test_the_same_source_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.csv.gz", tmp_path / "second.csv.gz"
    cut(source, first, every=2)
    cut(source, second, every=2)
    assert first.read_bytes() == second.read_bytes()


def test_a_slice_of_a_broken_trace_is_refused_and_nothing_is_written(
    source: Path, tmp_path: Path
) -> None:
    source.write_text(TRACE + "0.5,7,ten,1\r\n")
    with pytest.raises(CommandError, match=r"trace\.csv:6: input is 'ten'"):
        cut(source, tmp_path / "slice.csv.gz", every=1)
    assert not (tmp_path / "slice.csv.gz").exists()


def test_every_zeroth_request_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--every must be 1 or more"):
        cut(source, tmp_path / "slice.csv.gz", every=0)


def test_the_shipped_azure_hour_is_whole() -> None:
    requests = list(read_azure(AZURE))
    assert len(requests) == 19_366
    assert 58 * 60 < requests[-1].arrival_s < 59 * 60
    assert round(sum(r.input_tokens for r in requests) / len(requests)) == 1155
    assert round(sum(r.output_tokens for r in requests) / len(requests)) == 211


def test_the_shipped_servegen_slice_has_all_seventeen_clients_in_order_of_arrival() -> None:
    requests = list(read_servegen(SERVEGEN))
    clients = Counter(request.client for request in requests)
    assert len(requests) == 10_009
    assert len(clients) == 17
    assert clients["27"] == 2_156  # ceil(86,216 / 40)
    assert clients["29"] == 1  # ceil(12 / 40)
    assert [r.arrival_s for r in requests] == sorted(r.arrival_s for r in requests)


def test_the_slices_ship_with_their_licences_and_stay_small() -> None:
    notice = (FOLDER / "NOTICE.md").read_text()
    files = sorted(FOLDER.glob("*.gz"))
    assert len(files) == 2
    assert all(file.name in notice for file in files)
    assert "CC BY 4.0" in notice
    assert "Apache-2.0" in notice
    assert sum(file.stat().st_size for file in files) < 400_000
