from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from inferledger._queue import SendQueue
from inferledger._span import Span


def span(number: int) -> Span:
    return Span("chat", 1, number + 1, 0, 1, 2, failed=False, attributes={"number": number})


class Gate:
    """A sender that delivers only while its gate is open."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[int]] = []
        self.error: Exception | None = None

    def send(self, spans: Sequence[Span]) -> None:
        self.entered.set()
        self.open.wait(30)
        if self.error is not None:
            raise self.error
        self.batches.append([span.span_id - 1 for span in spans])

    def nudge(self) -> None:
        return

    def give_up_at(self, deadline: float) -> None:
        self.open.set()

    def after_fork(self) -> None:
        return

    @property
    def numbers(self) -> list[int]:
        return [number for batch in self.batches for number in batch]


def test_a_full_queue_drops_what_comes_and_counts_it(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    queue = SendQueue(gate, capacity=10, batch=2, delay_s=0.01)
    queue.put(span(0))
    gate.entered.wait(30)  # The sender holds the first span and is stuck.
    for number in range(1, 31):
        queue.put(span(number))

    assert queue.dropped == 20
    gate.open.set()
    assert queue.close(30)
    assert gate.numbers == list(range(11))
    assert caplog.text.count("the queue is full") == 1


def test_batches_are_bounded_and_in_order() -> None:
    gate = Gate()
    gate.open.set()
    queue = SendQueue(gate, capacity=1000, batch=7, delay_s=60)
    for number in range(100):
        queue.put(span(number))

    assert queue.flush(30)
    assert gate.numbers == list(range(100))
    assert max(len(batch) for batch in gate.batches) == 7


def test_nothing_is_lost_or_doubled_between_many_threads() -> None:
    gate = Gate()
    gate.open.set()
    queue = SendQueue(gate, capacity=10_000, batch=16, delay_s=0.001)

    def put(base: int) -> None:
        for number in range(500):
            queue.put(span(base + number))

    threads = [threading.Thread(target=put, args=(base,)) for base in range(0, 4000, 500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert queue.close(30)
    assert sorted(gate.numbers) == list(range(4000))


def test_a_back_fill_may_wait_for_room_instead_of_dropping() -> None:
    gate = Gate()
    queue = SendQueue(gate, capacity=4, batch=2, delay_s=0.01, on_full="wait")

    def fill() -> None:
        for number in range(50):
            queue.put(span(number))

    writer = threading.Thread(target=fill)
    writer.start()
    gate.entered.wait(30)
    assert writer.is_alive()

    gate.open.set()
    writer.join(30)
    assert queue.close(30)
    assert gate.numbers == list(range(50))
    assert queue.dropped == 0


def test_a_batch_that_cannot_be_sent_does_not_end_the_sending(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = Gate()
    gate.open.set()
    gate.error = ValueError("secret")
    queue = SendQueue(gate, capacity=10, delay_s=60)
    queue.put(span(0))
    queue.flush(30)
    gate.error = None
    queue.put(span(1))

    assert queue.flush(30)
    assert gate.numbers == [1]
    assert "sending failed (ValueError)" in caplog.text
    assert "secret" not in caplog.text


def test_flushing_an_empty_queue_is_done_at_once() -> None:
    assert SendQueue(Gate(), capacity=10).flush(0)


def test_a_flush_that_runs_out_of_time_says_so_and_loses_nothing() -> None:
    gate = Gate()
    queue = SendQueue(gate, capacity=10, delay_s=0.01)
    queue.put(span(0))

    assert not queue.flush(0.05)
    gate.open.set()
    assert queue.flush(30)
    assert gate.numbers == [0]
