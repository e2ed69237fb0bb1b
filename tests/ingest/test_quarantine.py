"""What was refused can be seen, put back and thrown away, while the collector runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from finops.clickhouse.client import Warehouse
from finops.config import load_config
from ingest.load import TRACES
from ingest.loader import Loader
from ingest.loaders import SIGNALS
from ingest.management.commands.quarantine import age
from ingest.quarantine import list_quarantined
from ingest.salvage import Refusal, quarantine
from ingest.segments import QUARANTINE, SEALED, list_sealed
from tests.ingest.loading import WORKSPACE, calls, count, lend, write_segment
from tests.ingest.payloads import Span, request

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "odd"}
ODD = request(
    Span(CHAT | {"note": "SECRET-PROMPT"}, name="SECRET-PROMPT", status_message="SECRET-ANSWER")
)


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINOPS_SPOOL_DIR", str(tmp_path))
    load_config.cache_clear()
    return tmp_path


@pytest.fixture(autouse=True)
def forget_config() -> object:
    yield
    load_config.cache_clear()


def refuse(folder: Path, *bodies: bytes, reason: str = "odd") -> str:
    """Set a segment of these requests aside; returns its name."""
    folder.mkdir(exist_ok=True)
    name = write_segment(folder, *bodies)
    path = folder / (name + SEALED)
    now = datetime.now(UTC).isoformat()
    quarantine(folder, path.read_bytes(), Refusal(name, reason, len(bodies), len(bodies), now))
    path.unlink()
    return name


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("quarantine", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_list_says_what_whose_and_why(spool: Path) -> None:
    name = refuse(spool, ODD, ODD, reason="no such model\nat line 3")
    assert json.loads(run("list", "--json")) == [
        {
            "segment": name,
            "signal": "traces",
            "at": list_quarantined(spool, SIGNALS)[0].at.isoformat(),  # type: ignore[union-attr]
            "age": "0 s",
            "workspaces": [WORKSPACE],
            "requests": 2,
            "items": 2,
            "bytes": (spool / QUARANTINE / (name + SEALED)).stat().st_size,
            "reason": "no such model\nat line 3",
        }
    ]
    text = run("list")
    assert name in text
    assert "no such model at line 3" in text


def test_every_signal_is_listed_oldest_first(spool: Path) -> None:
    names = [refuse(signal.within(spool), ODD) for signal in SIGNALS]
    assert [entry["segment"] for entry in json.loads(run("list", "--json"))] == sorted(names)


def test_nothing_is_no_error(spool: Path) -> None:
    assert run("list") == ""
    assert json.loads(run("list", "--json")) == []


def test_show_tells_the_structure_and_no_text(spool: Path) -> None:
    shown = run("show", refuse(spool, ODD))
    (entry,) = json.loads(shown)
    (resource,) = entry["contents"][0]["request"]["resource_spans"]
    assert resource["resource"] == {"attributes": {"service.name": "string_value"}}
    assert resource["scope_spans"][0]["scope"] == {"name": "test", "version": "1.0"}
    (span,) = resource["scope_spans"][0]["spans"]
    assert span["trace_id"] == b"t".hex() * 16
    assert span["name"] == "13 characters"
    assert span["attributes"]["note"] == "string_value"
    assert "SECRET" not in shown
    assert "odd" not in json.dumps(entry["contents"])


def test_what_is_put_back_is_loaded_when_its_cause_is_gone(ch: Warehouse, spool: Path) -> None:
    ch.command("ALTER TABLE calls ADD CONSTRAINT known CHECK model_requested != 'odd'")
    write_segment(spool, ODD, request(Span(CHAT | {"gen_ai.request.model": "known"})))
    loader = Loader(spool, str(spool), lend(ch))
    for _ in range(4):
        loader.step()
    (entry,) = list_quarantined(spool, SIGNALS)
    ch.command("ALTER TABLE calls DROP CONSTRAINT known")
    assert "put back" in run("retry", entry.segment)
    assert [*(spool / QUARANTINE).iterdir()] == []
    loader.step()
    assert list_sealed(spool) == []
    assert {row["model_requested"] for row in ch.query("SELECT model_requested FROM calls")} == {
        "odd",
        "known",
    }


def test_what_is_still_refused_comes_back_under_its_new_name(ch: Warehouse, spool: Path) -> None:
    bad = request(Span(CHAT, trace_id=b"t" * 20))
    name = write_segment(spool, bad, clean=False)
    loader = Loader(spool, str(spool), lend(ch))
    loader.step()
    run("retry", "--all")
    loader.step()
    assert [entry.segment for entry in list_quarantined(spool, SIGNALS)] == [name + "q"]


def test_what_was_loaded_before_is_no_second_call(ch: Warehouse, spool: Path) -> None:
    name = write_segment(spool, ODD)
    data = (spool / (name + SEALED)).read_bytes()
    loader = Loader(spool, str(spool), lend(ch))
    loader.step()
    quarantine(spool, data, Refusal(name, "x", 1, 1, datetime.now(UTC).isoformat()))
    run("retry", name)
    loader.step()
    assert len(calls(ch)) == 1
    assert count(ch, "segments") == 2


def test_a_file_without_a_whole_request_is_not_put_back(spool: Path) -> None:
    damaged = refuse(spool)
    (spool / QUARANTINE / (damaged + SEALED)).write_bytes(b"\x09damaged")
    well = refuse(spool, ODD)
    with pytest.raises(CommandError, match=damaged):
        run("retry", "--all")
    assert [segment.name for segment in list_sealed(spool)] == [well + "q"]
    assert json.loads(run("list", "--json"))[0]["segment"] == damaged


def test_a_note_that_is_missing_hides_nothing_else(spool: Path) -> None:
    name = refuse(spool, ODD)
    (spool / QUARANTINE / f"{name}.json").unlink()
    (entry,) = json.loads(run("list", "--json"))
    assert (entry["reason"], entry["requests"]) == ("not known", 1)


def test_dropping_needs_a_yes(spool: Path) -> None:
    name = refuse(spool, ODD)
    with pytest.raises(CommandError, match="--yes"):
        run("drop", name)
    assert json.loads(run("list", "--json"))
    run("drop", name, "--yes")
    assert [*(spool / QUARANTINE).iterdir()] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("retry",),
        ("show",),
        ("show", "--all"),
        ("retry", "1-a", "--all"),
        ("list", "1-a"),
        ("show", "1-a"),
        ("retry", "1-a"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(
    spool: Path, arguments: tuple[str, ...]
) -> None:
    refuse(spool, ODD)
    with pytest.raises(CommandError, match=r"[.]$"):
        run(*arguments)
    assert list_sealed(spool) == []


def test_ages_are_written_in_their_largest_unit() -> None:
    now = datetime.now(UTC)
    ages = [timedelta(seconds=5), timedelta(minutes=3), timedelta(hours=30), timedelta(days=9)]
    assert [age(now - ago, now) for ago in ages] == ["5 s", "3 min", "1 d", "9 d"]
    assert age(None, now) == "some time"
    assert TRACES in SIGNALS
