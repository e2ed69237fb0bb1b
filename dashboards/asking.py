"""Questions to the ledger from a page: one that fails takes its own part of the page, no other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import structlog

from finops.clickhouse.client import Warehouse, warehouse
from finops.clickhouse.errors import QueryTimeout, Unavailable, WarehouseError
from finops.config import ConfigError

T = TypeVar("T")
AWAY = "The ledger can't be read at the moment. Nothing is lost: calls are kept until it is back."
FAILED = "This part could not be worked out; it has been logged."
BUSY = "The ledger is busy: reload in a moment, or ask for a shorter range."
TOO_LONG = "This took too long to work out: ask for a shorter range, or for less with a filter."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What was found, or the sentence to show instead."""

    value: T | None
    problem: str = ""


class Asker:
    """Asks one after the other; once the warehouse is away, the rest is not asked any more."""

    def __init__(self) -> None:
        self.away = ""

    def ask(self, question: Callable[[Warehouse], T]) -> Answer[T]:
        """Return the answer, or what to show where there is none."""
        if self.away:
            return Answer(None, self.away)
        try:
            with warehouse() as ch:
                return Answer(question(ch))
        except (Unavailable, ConfigError) as error:
            log.warning("warehouse_away", error=str(error))
            self.away = AWAY
            return Answer(None, AWAY)
        except QueryTimeout:
            log.warning("question_took_too_long")
            return Answer(None, TOO_LONG)
        except WarehouseError as error:
            log.exception("question_failed", code=error.code)
            return Answer(None, BUSY if error.retryable else FAILED)
