"""A statement laid out for people: the same on the page, in the file and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string

from finops.focus.statement import Statement
from finops.focus.statement_month import span_of
from finops.focus.wording import (
    CAUSES,
    NAMELESS,
    REASONS,
    WASTE,
    dollars,
    month_text,
    title_of,
    unit_dollars,
)

CSS = Path(__file__).parent / "static" / "focus" / "statement.css"


@dataclass(frozen=True, slots=True)
class Part:
    """A line of the sum on top; `aside`: it is told and not in the sum."""

    name: str
    note: str
    amount: str
    aside: bool = False


def statement_html(statement: Statement) -> str:
    """Return a page that stands alone: to be sent, opened from a folder and printed on A4."""
    return render_to_string(
        "focus/statement_file.html",
        {**sheet(statement), "title": title_of(statement), "css": stylesheet()},
    )


@lru_cache(maxsize=1)
def stylesheet() -> str:
    return CSS.read_text(encoding="utf-8")


def sheet(statement: Statement) -> dict[str, Any]:
    """What the template statement_body.html shows."""
    calls = statement.due.calls
    span = span_of(statement.month)
    return {
        "statement": statement,
        "kind": statement.asked.kind.capitalize(),
        "month": month_text(statement.month),
        "first_day": span.start,
        "last_day": span.end - timedelta(days=1),
        "total": dollars(statement.total_usd),
        "parts": list(parts(statement)),
        "clean": unit_dollars(statement.clean_per_success_usd),
        "loaded": unit_dollars(statement.loaded_per_success_usd),
        "models": [model_line(statement, one) for one in statement.by_model],
        "features": [feature_line(statement, one) for one in statement.by_feature],
        "gpus": [gpu_line(time) for time in statement.gpu_times],
        "waste": [
            (WASTE[name], dollars(usd), share_of(usd, calls.cost_usd))
            for name, usd in calls.waste_by_class.items()
            if usd
        ],
        "waste_total": (dollars(calls.waste_usd), share_of(calls.waste_usd, calls.cost_usd)),
        "savings": savings(statement),
        "unpriced": [(one, REASONS.get(one.reason, one.reason)) for one in statement.unpriced],
        "unpriced_calls": sum(one.calls for one in statement.unpriced),
        "moved": dollars(statement.moved_usd) if statement.moved_usd else "",
        "versions": ", ".join(str(version) for version in statement.rate_versions) or "–",
    }


def parts(statement: Statement) -> Iterator[Part]:
    """The lines that make the total, then those that were left aside."""
    due = statement.due
    yield Part("Calls to providers", f"{due.calls.calls:,} calls", dollars(due.calls.cost_usd))
    if statement.gpu_times:
        hours = sum((time.hours for time in statement.gpu_times), Decimal(0))
        yield Part("Own GPUs, time at work", f"{hours_text(hours)} GPU hours", dollars(due.gpu_usd))
    for cause, usd in due.shares.items():
        name = f"Share of {CAUSES.get(cause, cause)}"
        if statement.asked.distributed:
            yield Part(name, "in proportion to the above", dollars(usd))
        else:
            yield Part(name, "not included", dollars(usd), aside=True)


def model_line(statement: Statement, one: Any) -> dict[str, str]:
    sums = one.sums
    unknown = sums.unpriced_calls and not sums.cost_usd
    return {
        "name": one.group["model"] or NAMELESS,
        "provider": one.group["provider"],
        "tokens_in": f"{sums.input_tokens:,}",
        "tokens_out": f"{sums.output_tokens:,}",
        "succeeded": f"{sums.successful_requests:,}",
        "amount": "–" if unknown else dollars(sums.cost_usd),
        "share": "" if unknown else share_of(sums.cost_usd, statement.due.own_usd),
    }


def feature_line(statement: Statement, one: Any) -> dict[str, str]:
    sums = one.sums.sums if one.sums else None
    return {
        "name": one.feature or NAMELESS,
        "tokens_in": f"{sums.input_tokens:,}" if sums else "",
        "tokens_out": f"{sums.output_tokens:,}" if sums else "",
        "succeeded": f"{sums.successful_requests:,}" if sums else "",
        "amount": dollars(one.total_usd),
        "share": share_of(one.total_usd, statement.due.own_usd),
    }


def hours_text(hours: Decimal) -> str:
    """Two places; four where that would make a little time none."""
    return f"{hours:,.2f}" if hours >= Decimal("0.1") or not hours else f"{hours:,.4f}"


def gpu_line(time: Any) -> dict[str, str]:
    return {
        "name": time.model or NAMELESS,
        "pool": time.pool,
        "calls": f"{time.calls:,}",
        "tokens": f"{time.tokens:,}",
        "hours": hours_text(time.hours),
        "amount": dollars(time.cost_usd),
    }


def savings(statement: Statement) -> list[tuple[str, str]]:
    calls = statement.due.calls
    found = (
        ("Discounts against list prices", calls.discount_saving_usd),
        ("Prompt caches of providers, reads less writes", calls.provider_cache_saving_usd),
        ("Own response caches: calls that were not made", calls.response_cache_saving_usd),
    )
    return [(name, dollars(usd)) for name, usd in found if usd]


def share_of(part: Decimal, whole: Decimal) -> str:
    return f"{part / whole * 100:.1f} %" if whole else ""
