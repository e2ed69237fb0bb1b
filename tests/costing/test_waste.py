"""The rules of waste as a table: what happened, and what each call of it was.

All of it is charged in one run. A call is gpt-4o, 1,000 tokens in at 2.50 and 100 out at 10 USD per
million: 0.0035 USD. Times are seconds; a call lasts one second unless the table says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pytest_django import DjangoDbBlocker

from finops.clickhouse.client import Warehouse
from tests.costing.calls import START, insert_calls, span
from tests.costing.charging import charge, charges, for_the_module, rollup

pytestmark = pytest.mark.django_db

CALL = Decimal("0.0035")
ERROR = {"outcome": "error"}
TIMEOUT = {"outcome": "timeout"}
LIMITED = {"outcome": "rate_limited"}
CANCELLED = {"outcome": "cancelled"}
MINI = {"model_served": "gpt-4o-mini"}


def call(at: float, **given: Any) -> dict[str, Any]:
    return {"started_at": START + timedelta(seconds=at), **given}


@dataclass(frozen=True)
class Rule:
    """Calls, and the class of each; `attempts` where they make one inferred request."""

    says: str
    calls: list[dict[str, Any]]
    classes: list[str]
    attempts: list[int] | None = None
    inferred: list[int] = field(default_factory=list)


def named(*calls: dict[str, Any]) -> list[dict[str, Any]]:
    """Attempts of one request that the client names."""
    return [{"request_id": "r", "attempt": n, **each} for n, each in enumerate(calls)]


def alike(*calls: dict[str, Any]) -> list[dict[str, Any]]:
    """Calls with one prompt in one action, of a client that names no requests."""
    return [{"prompt_hash": 77, "action_id": "a", **each} for each in calls]


RULES = [
    Rule("a success is clean", named(call(0)), ["clean"]),
    Rule("what a success superseded is a retry",
         named(call(0, **TIMEOUT), call(2, **ERROR), call(4)), ["retry", "retry", "clean"]),
    Rule("a request that never succeeds has failed, all of it",
         named(call(0, **TIMEOUT), call(2, **ERROR)), ["failed", "failed"]),
    Rule("a single error has failed", [call(0, **ERROR)], ["failed"]),
    Rule("superseded by another model is a fallback",
         named(call(0, **TIMEOUT), call(2, **MINI)), ["fallback", "clean"]),
    Rule("superseded by another provider of the model is a fallback",
         named(call(0, **TIMEOUT, provider="azure"), call(2)), ["fallback", "clean"]),
    Rule("what the client broke off is aborted", [call(0, **CANCELLED)], ["aborted"]),
    Rule("aborted stays aborted in a request that went on",
         named(call(0, **CANCELLED), call(2)), ["aborted", "clean"]),
    Rule("an answer that the client took as a failure has failed",
         [call(0, success=0)], ["failed"]),
    Rule("the prompt again within ten minutes of a success is a duplicate",
         [call(0, prompt_hash=5), call(600, prompt_hash=5)], ["clean", "duplicate"]),
    Rule("later than that it is a new question",
         [call(0, prompt_hash=5), call(602, prompt_hash=5)], ["clean", "clean"]),
    Rule("another user's same prompt is no duplicate",
         [call(0, prompt_hash=5), call(9, prompt_hash=5, user_id="bo")], ["clean", "clean"]),
    Rule("prompts at the same time are no duplicates",
         [call(0, prompt_hash=5), call(0.5, prompt_hash=5)], ["clean", "clean"]),
    Rule("without a request id the same again after an error is a retry",
         alike(call(0, **ERROR), call(2)), ["retry", "clean"], [0, 1]),
    Rule("also after a timeout, a refusal and lack of memory",
         alike(call(0, **TIMEOUT), call(2, **LIMITED), call(4, outcome="oom"), call(6)),
         ["retry", "retry", "retry", "clean"], [0, 1, 2, 3]),
    Rule("with another model it is a fallback",
         alike(call(0, **ERROR), call(2, **MINI)), ["fallback", "clean"], [0, 1]),
    Rule("in vain it has failed",
         alike(call(0, **ERROR), call(2, **ERROR)), ["failed", "failed"], [0, 1]),
    Rule("where no action is sent, the trace is the action",
         [{"prompt_hash": 77, "trace": "t", **c} for c in (call(0, **ERROR), call(2))],
         ["retry", "clean"], [0, 1]),
    Rule("an error that ended just when the next began counts",
         alike(call(0, **ERROR), call(1)), ["retry", "clean"], [0, 1]),
    Rule("calls side by side don't try again", alike(call(0, **ERROR), call(0.5)),
         ["failed", "clean"]),
    Rule("after a success nothing is tried again",
         alike(call(0), call(2, **ERROR)), ["clean", "failed"]),
    Rule("what the user broke off is not tried again", alike(call(0, **CANCELLED), call(2)),
         ["aborted", "clean"]),
    Rule("five minutes later nobody tries again",
         alike(call(0, **ERROR), call(301.001)), ["failed", "clean"]),
    Rule("until then they may", alike(call(0, **ERROR), call(301)), ["retry", "clean"], [0, 1]),
    Rule("another prompt is another wish",
         alike(call(0, **ERROR), call(2, prompt_hash=78)), ["failed", "clean"]),
    Rule("another action is another wish",
         alike(call(0, **ERROR), call(2, action_id="b")), ["failed", "clean"]),
    Rule("another operation is another wish",
         alike(call(0, **ERROR), call(2, operation="embeddings")), ["failed", "clean"]),
    Rule("without a prompt's hash nothing is inferred",
         alike(call(0, **ERROR, prompt_hash=0), call(2, prompt_hash=0)), ["failed", "clean"]),
    Rule("calls that name a request take no part",
         alike(call(0, **ERROR, request_id="q"), call(2)), ["failed", "clean"]),
    Rule("nor do they come between those that don't",
         alike(call(0, **ERROR), call(2, request_id="q"), call(4)),
         ["retry", "clean", "duplicate"], [0, 0, 1], inferred=[0, 2]),
]  # fmt: skip


def rows_of(number: int, rule: Rule) -> list[dict[str, Any]]:
    """The calls of a rule in a workspace of its own, so that no rule sees another's."""
    return [
        {"workspace_id": 100 + number, "span": f"{number}.{n}", "trace": f"{number}.{n}", **each}
        | ({"trace": f"{number}"} if each.get("trace") else {})
        for n, each in enumerate(rule.calls)
    ]


@pytest.fixture(scope="module")
def ledger(
    module_ch: Warehouse, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Charges by span and hourly sums, after all rules were charged at once."""
    with for_the_module(django_db_blocker):
        insert_calls(module_ch, [row for n, rule in enumerate(RULES) for row in rows_of(n, rule)])
        charge(module_ch)
        return charges(module_ch), rollup(module_ch)


@pytest.mark.parametrize("number", range(len(RULES)), ids=[rule.says for rule in RULES])
def test_rule(ledger: tuple[dict[str, dict[str, Any]], Any], number: int) -> None:
    rule = RULES[number]
    found = [ledger[0][span(f"{number}.{n}")] for n in range(len(rule.calls))]

    assert [row["waste_class"] for row in found] == rule.classes

    whole = range(len(found)) if rule.attempts is not None else []
    inferred = rule.inferred or list(whole)
    assert [n for n, row in enumerate(found) if row["waste_inferred"]] == inferred
    if rule.attempts is not None:
        assert [row["attempt"] for row in found] == rule.attempts
        (name,) = {found[n]["request_id"] for n in inferred}
        assert name.startswith("inferred-")


def test_waste_and_what_of_it_is_inferred_add_up_by_the_hour(
    ledger: tuple[Any, list[dict[str, Any]]],
) -> None:
    numbers = {rule.says: 100 + n for n, rule in enumerate(RULES)}

    def sums(says: str, column: str) -> Decimal:
        mine = [row for row in ledger[1] if row["workspace_id"] == numbers[says]]
        return sum((row[column] for row in mine), Decimal(0))

    tried = "without a request id the same again after an error is a retry"
    assert sums(tried, "retry_cost_usd") == sums(tried, "inferred_waste_usd") == CALL
    assert sums(tried, "clean_cost_usd") == CALL
    assert [sums(tried, "calls"), sums(tried, "requests")] == [2, 1]
    told = "what a success superseded is a retry"
    assert [sums(told, "retry_cost_usd"), sums(told, "inferred_waste_usd")] == [2 * CALL, 0]
