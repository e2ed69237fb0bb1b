"""Log lines: one form, with the request's id, without a secret."""

from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Iterator
from copy import deepcopy
from io import StringIO

import pytest
import structlog
from structlog.contextvars import bound_contextvars

from finops.config import Config
from finops.logging import logging_settings

KEY = "ilk_abcd1234_" + "Z" * 43


@pytest.fixture(params=["json", "console"])
def log_format(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def lines(log_format: str) -> Iterator[StringIO]:
    """What a logger named "ledger" writes in this form."""
    config = Config.model_construct(log_format=log_format, log_level="INFO")
    found = deepcopy(logging_settings(config))
    stream = StringIO()
    formatter = logging.config.DictConfigurator(found).configure_formatter(
        found["formatters"]["line"]
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logger = logging.getLogger("ledger")
    logger.addHandler(handler)
    logger.setLevel("INFO")
    yield stream
    logger.removeHandler(handler)


def test_a_library_and_we_write_the_same_form(lines: StringIO, log_format: str) -> None:
    with bound_contextvars(request_id="req_1"):
        structlog.get_logger("ledger").warning("charged", calls=3)
        logging.getLogger("ledger").warning("charged %d", 3)
    first, second = lines.getvalue().splitlines()
    assert "req_1" in first
    assert "req_1" in second
    if log_format == "json":
        assert {k: v for k, v in json.loads(first).items() if k != "timestamp"} == {
            "event": "charged",
            "calls": 3,
            "request_id": "req_1",
            "logger": "ledger",
            "level": "warning",
        }
        assert json.loads(second)["event"] == "charged 3"


@pytest.mark.parametrize(
    "event",
    [
        {"event": f"refused {KEY}"},
        {"event": "x", "note": f"header was Bearer {KEY}"},
        {"event": "x", "headers": {"Authorization": KEY, "Host": "a"}},
        {"event": "x", "deep": [{"inner": {"text": KEY}}]},
        {"event": "x", "thing": Exception(KEY)},
    ],
)
def test_an_api_key_is_never_written(lines: StringIO, event: dict[str, object]) -> None:
    structlog.get_logger("ledger").warning(**event)
    assert "Z" * 10 not in lines.getvalue()
    assert lines.getvalue()


def test_the_prefix_of_a_key_stays_so_that_it_can_be_found(lines: StringIO) -> None:
    structlog.get_logger("ledger").warning(f"refused {KEY}")
    assert "ilk_abcd1234_***" in lines.getvalue()


@pytest.mark.parametrize(
    "field", ["password", "Authorization", "secret_key", "cookie", "api_key", "access_token"]
)
def test_a_field_that_is_named_like_a_secret_is_masked(lines: StringIO, field: str) -> None:
    structlog.get_logger("ledger").warning("x", **{field: "hunter2"})
    assert "hunter2" not in lines.getvalue()


def test_counts_of_tokens_are_no_secret(lines: StringIO) -> None:
    structlog.get_logger("ledger").warning("x", output_tokens=4711)
    assert "4711" in lines.getvalue()


@pytest.mark.parametrize(
    "text",
    [
        "clickhouse://finops:hunter2@127.0.0.1:19000/finops",
        "redis://:hunter2@redis:6379/0",
        "Authorization: Basic aHVudGVyMjpodW50ZXIy",
        "authorization: bearer hunter2hunter2",
    ],
)
def test_credentials_in_a_text_are_masked(lines: StringIO, text: str) -> None:
    logging.getLogger("ledger").warning("failed: %s", text)
    assert "hunter2" not in lines.getvalue()
    assert "aHVudGVy" not in lines.getvalue()


def test_a_traceback_is_written_and_masked(lines: StringIO) -> None:
    try:
        raise ValueError(f"no such key {KEY}")
    except ValueError:
        structlog.get_logger("ledger").exception("failed")
    written = lines.getvalue()
    assert "ValueError: no such key ilk_abcd1234_***" in written
    assert "Traceback" in written
