"""Damaged requests beside good ones: nothing falls over, nothing acknowledged is lost.

The bodies are recorded and made ones, damaged by a seeded generator. FINOPS_TEST_SEED shifts the
seeds; the run of the soak takes ten times as many.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from finops.clickhouse.client import Warehouse
from ingest.admission import Admission
from ingest.compression import decode
from ingest.content import is_content
from ingest.entrances import TRACES
from ingest.errors import Refused
from ingest.intake import admit_body
from ingest.loader import Loader, read_progress
from ingest.loaders import SIGNALS
from ingest.otlp_json import to_protobuf
from ingest.quarantine import list_quarantined
from ingest.record import Stamp, encode
from ingest.segments import SEALED, list_sealed, name_segment
from tests.ingest.loading import RECEIVED_AT_MS, WORKSPACE, lend
from tests.ingest.mutate import BINARY, JSON, damage, pack
from tests.ingest.oracle.speech import detect
from tests.ingest.payloads import Span, request
from tests.ingest.senders import in_json

SEED = int(os.environ.get("FINOPS_TEST_SEED", "0"))
SHORT = os.environ.get("FINOPS_TEST_SOAK") == "short"
LIMIT_BYTES = 64 * 1024**2
RECORDED = Path(__file__).parent.parent / "recordings"
# Larger ones would only take longer.
LARGEST_SOURCE = 16_000
A_SEGMENT = 250
GOOD_EVERY = 25
# Receipts of good requests, told apart from damaged ones.
GOOD = 1 << 40
SECRETS = ("SECRET-PROMPT", "SECRET-ANSWER")

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 12,
    "gen_ai.usage.output_tokens": 3,
    "gen_ai.response.id": "chatcmpl-1",
    "gen_ai.prompt.0.content": "SECRET-PROMPT",
    "finish": ["stop", "length"],
}


def sources() -> tuple[list[bytes], list[bytes]]:
    """Return bodies in protobuf and the same ones in JSON."""
    documents = [
        json.dumps(document).encode()
        for path in sorted(RECORDED.glob("*/*.json"))
        for document in json.loads(path.read_text())["requests"]
    ]
    texts = [text for text in documents if len(text) <= LARGEST_SOURCE]
    made = [request(Span(CHAT), Span(CHAT, span_id=b"u" * 8)), request(Span({"http.route": "/"}))]
    binary = [to_protobuf(text, ExportTraceServiceRequest.DESCRIPTOR) for text in texts]
    return [*made, *binary], [*map(in_json, made), *texts]


@dataclass
class Door:
    """Takes bodies as the receivers do and seals what is accepted, in segments with good ones."""

    folder: Path
    outcomes: Counter[str] = field(default_factory=Counter)
    # Spans that must be in `spans` or in quarantine, by receipt; and all that were acknowledged.
    owed: dict[int, int] = field(default_factory=dict)
    acknowledged: int = 0
    waiting: list[bytes] = field(default_factory=list)

    def knock(self, receipt: int, body: bytes, encoding: bytes, as_json: bool) -> None:
        try:
            admission = admit_body(TRACES, decode(body, encoding, LIMIT_BYTES), as_json)
        except Refused as refusal:
            assert refusal.status < 500
            self.outcomes[type(refusal).__name__] += 1
            return
        self.outcomes["accepted"] += 1
        if admission.spans:
            self.keep(receipt, admission)

    def keep(self, receipt: int, admission: Admission) -> None:
        self.owed[receipt] = telling(admission.body)
        self.acknowledged += admission.spans
        stamp = Stamp(WORKSPACE, receipt, RECEIVED_AT_MS, admission.spans)
        self.waiting.append(encode(admission.body, stamp))
        if len(self.waiting) >= A_SEGMENT:
            self.seal()

    def seal(self) -> None:
        if self.waiting:
            name = name_segment(RECEIVED_AT_MS * 10**6 + len(self.owed))
            (self.folder / (name + SEALED)).write_bytes(b"".join(self.waiting))
            self.waiting.clear()


def telling(body: bytes) -> int:
    """How many spans of a request speak a dialect, by the plain reading of the table."""
    return sum(
        bool(detect(scope.scope.name, [pair.key for pair in span.attributes]))
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    )


def damaged(rng: Random, number: int) -> Iterator[tuple[bytes, bytes, bool]]:
    """Yield so many damaged bodies, each with its encoding, and whether it is JSON."""
    binary, texts = sources()
    for _ in range(number):
        as_json = rng.random() < 0.4
        body = rng.choice(texts if as_json else binary)
        yield *pack(rng, damage(rng, body, JSON if as_json else BINARY)), as_json


def good(number: int) -> bytes:
    return request(Span(CHAT, trace_id=b"good" * 4, span_id=(number + 1).to_bytes(8, "big")))


def drain(ch: Warehouse, folder: Path) -> Loader:
    loader = Loader(folder, str(folder), lend(ch))
    for _ in range(2000):
        if not list_sealed(folder):
            break
        loader.step()
    assert not list_sealed(folder)
    return loader


def by_receipt(ch: Warehouse) -> Counter[int]:
    rows = ch.query("SELECT receipt, count() AS spans FROM spans GROUP BY receipt")
    return Counter({row["receipt"]: row["spans"] for row in rows})


def check(ch: Warehouse, folder: Path, door: Door, neighbours: int) -> None:
    """Everything acknowledged is stored, ignored for its silence, or in quarantine: all counted."""
    stored = by_receipt(ch)
    set_aside = {
        record.stamp.receipt: record.stamp.spans
        for entry in list_quarantined(folder, SIGNALS)
        for record in entry.records()
    }
    lost = {
        receipt: (owed, stored[receipt])
        for receipt, owed in door.owed.items()
        if stored[receipt] != owed and receipt not in set_aside
    }
    assert lost == {}
    totals = read_progress(folder)
    assert totals["received"] + sum(set_aside.values()) == door.acknowledged
    assert totals["received"] == totals["rows"]["spans"] + totals["ignored"].get("no_dialect", 0)
    assert not [receipt for receipt in set_aside if receipt >= GOOD]
    (row,) = ch.query("SELECT count() AS n FROM calls FINAL WHERE trace_id = 'goodgoodgoodgood'")
    assert row["n"] == neighbours
    check_content(ch)


def check_content(ch: Warehouse) -> None:
    """No attribute that carries content is there; of undamaged requests, no text of theirs."""
    keys = ch.query("SELECT DISTINCT arrayJoin(mapKeys(attributes)) AS name FROM spans")
    assert [row["name"] for row in keys if is_content(row["name"])] == []
    texts = ch.query(
        "SELECT count() AS n FROM spans WHERE receipt >= {first:UInt64}"
        " AND multiSearchAny(toString(tuple(*)), {secrets:Array(String)})",
        {"first": GOOD, "secrets": SECRETS},
    )
    assert texts == [{"n": 0}]


def fuzz(ch: Warehouse, folder: Path, number: int, seed: int) -> Counter[str]:
    door, neighbours = Door(folder), 0
    for place, (body, encoding, as_json) in enumerate(damaged(Random(seed), number)):
        door.knock(place + 1, body, encoding, as_json)
        if place % GOOD_EVERY == 0:
            door.knock(GOOD + neighbours, good(neighbours), b"", as_json=False)
            neighbours += 1
    door.seal()
    drain(ch, folder).keep_house()
    check(ch, folder, door, neighbours)
    return door.outcomes


@pytest.mark.django_db
def test_two_thousand_damaged_requests_cost_no_acknowledged_span(
    ch: Warehouse, tmp_path: Path
) -> None:
    outcomes = fuzz(ch, tmp_path, 2_000, SEED)
    assert outcomes["accepted"] > 300
    assert outcomes["BadRequest"] > 300


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.django_db
def test_twenty_thousand_damaged_requests_cost_no_acknowledged_span(
    ch: Warehouse, tmp_path: Path
) -> None:
    outcomes = fuzz(ch, tmp_path, 4_000 if SHORT else 20_000, SEED + 1)
    print(outcomes)
    assert outcomes["accepted"] > 600
