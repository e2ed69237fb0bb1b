"""Which tries are tries at one answer."""

from __future__ import annotations

from itertools import count

import pytest

from finops.engine.serve.attempts import REMEMBERED_PS, Attempt, Attempts

BODY = b'{"model": "m"}'


class Door:
    """Attempts as they come in, with ids that are counted."""

    def __init__(self) -> None:
        numbers = count(1)
        self.attempts = Attempts(lambda: f"drawn-{next(numbers)}")

    def place(
        self,
        retry: int | None = 0,
        body: bytes = BODY,
        *,
        client: str = "10.0.0.1",
        now: int = 0,
        **more: bytes,
    ) -> Attempt:
        headers = {name.replace("_", "-").encode(): value for name, value in more.items()}
        if retry is not None:
            headers[b"x-stainless-retry-count"] = str(retry).encode()
        return self.attempts.place(headers, client, body, now)


def told(attempt: Attempt) -> tuple[str, int]:
    return attempt.request_id, attempt.number


def test_a_retry_with_the_same_body_is_of_the_request_before() -> None:
    door = Door()
    assert [told(door.place(n)) for n in range(3)] == [("drawn-1", n) for n in range(3)]


def test_a_first_try_is_a_request_of_its_own_even_with_the_same_body() -> None:
    door = Door()
    assert [told(door.place()) for _ in range(2)] == [("drawn-1", 0), ("drawn-2", 0)]


def test_equal_requests_side_by_side_get_one_retry_each() -> None:
    door = Door()
    door.place()
    door.place()
    assert sorted(told(door.place(1)) for _ in range(2)) == [("drawn-1", 1), ("drawn-2", 1)]
    assert told(door.place(1)) == ("drawn-3", 1)  # a third one was never seen here


@pytest.mark.parametrize(
    "other",
    [
        {"body": b"{}"},
        {"client": "10.0.0.2"},
        {"authorization": b"Bearer other"},
        {"user_agent": b"other"},
        {"now": 2 * REMEMBERED_PS},
    ],
)
def test_a_retry_of_something_else_is_a_request_of_its_own(other: dict[str, bytes]) -> None:
    door = Door()
    door.place()
    assert told(door.place(1, **other)) == ("drawn-2", 1)  # type: ignore[arg-type]


def test_what_was_answered_is_not_tried_again() -> None:
    door = Door()
    door.attempts.answered(door.place())
    assert told(door.place(1)) == ("drawn-2", 1)
    assert len(door.attempts.open) == 1


def test_the_name_that_a_client_gives_comes_first() -> None:
    door = Door()
    assert told(door.place(0, x_client_request_id=b"mine")) == ("mine", 0)
    assert told(door.place(2, b"{}", x_client_request_id=b"mine")) == ("mine", 2)
    assert told(door.place(1, idempotency_key=b"key")) == ("key", 1)
    assert not door.attempts.open


def test_a_client_without_numbers_makes_first_tries() -> None:
    door = Door()
    assert told(door.place(None)) == ("drawn-1", 0)
    assert told(door.place(x_stainless_retry_count=b"lots", retry=None)) == ("drawn-2", 0)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("finops.engine.serve.attempts.MOST_REMEMBERED", 3)
    door = Door()
    for number in range(10):
        door.place(0, str(number).encode())
    assert len(door.attempts.open) == 3
    assert told(door.place(1, b"9"))[0] == "drawn-10"
    assert told(door.place(1, b"2")) == ("drawn-11", 1)
