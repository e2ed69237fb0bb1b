"""Every signal is loaded by itself, and none is left behind."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from finops.clickhouse.client import connect
from ingest.load import TRACES
from ingest.loader import Loader
from ingest.loaders import LoaderFell, run_loaders
from ingest.segments import list_sealed, make_folder
from ingest.signal import Loaded, Signal
from tests.ingest.loading import lend, write_segment
from tests.ingest.payloads import Span, request
from tests.ingest.waiting import wait_until


def signal_of(name: str, load: object) -> Signal:
    return replace(TRACES, name=name, folder=name, load=load)  # type: ignore[arg-type]


def loader_of(signal: Signal, spool: Path) -> Loader:
    folder = signal.within(spool)
    make_folder(folder)
    write_segment(folder, request(Span()))
    nowhere = lend(connect("clickhouse://nobody:x@127.0.0.1:1/none"))
    return Loader(folder, signal.seen_within(str(spool)), nowhere, signal)


def test_a_signal_waits_in_a_folder_of_its_own(tmp_path: Path) -> None:
    assert (TRACES.within(tmp_path), TRACES.seen_within("/seen")) == (tmp_path, "/seen")
    other = signal_of("metrics", None)
    assert (other.within(tmp_path), other.seen_within("/seen")) == (
        tmp_path / "metrics",
        "/seen/metrics",
    )


def test_no_signal_waits_for_another(tmp_path: Path) -> None:
    stop, release = threading.Event(), threading.Event()

    def stuck(*_: object) -> Loaded:
        release.wait(60)
        return Loaded(1, 1)

    slow = loader_of(signal_of("slow", stuck), tmp_path)
    quick = loader_of(signal_of("quick", lambda *_: Loaded(1, 1)), tmp_path)
    running = threading.Thread(target=run_loaders, args=([slow, quick], stop))
    running.start()
    try:
        wait_until(lambda: not list_sealed(quick.folder))
        assert list_sealed(slow.folder)
    finally:
        release.set()
        stop.set()
        running.join()
    assert not list_sealed(slow.folder)


def test_when_one_falls_over_all_stop(tmp_path: Path) -> None:
    def fall(*_: object) -> Loaded:
        raise ZeroDivisionError

    falling = loader_of(signal_of("falling", fall), tmp_path)
    well = loader_of(signal_of("well", lambda *_: Loaded(1, 1)), tmp_path)
    with pytest.raises(LoaderFell, match="falling"):
        run_loaders([falling, well], threading.Event())
    assert list_sealed(falling.folder)
