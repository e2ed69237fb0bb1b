"""A server that is missing skips its tests, and fails them where it is required."""

from __future__ import annotations

import pytest

from tests.services import chromium_path, postgres_url, redis_url


@pytest.fixture(autouse=True)
def nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    # port 1 is nobody's
    monkeypatch.setenv("FINOPS_TEST_POSTGRES_URL", "postgresql://127.0.0.1:1/x")
    monkeypatch.setenv("FINOPS_TEST_REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("FINOPS_TEST_CHROMIUM", "no-such-browser")


@pytest.mark.parametrize("find", [postgres_url, redis_url, chromium_path])
@pytest.mark.parametrize(
    ("required", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_a_missing_server_skips_or_fails(
    monkeypatch: pytest.MonkeyPatch, find: object, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setenv("FINOPS_REQUIRE_SERVICES", required)
    with pytest.raises(outcome):
        find()  # type: ignore[operator]
