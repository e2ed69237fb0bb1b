"""Questions to the ledger from a page: one that fails takes its own part of the page, no other.

Most of what a short question takes is one thread's work, so a page asks what it can side by side.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
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

# For all requests of a process; each thread keeps a connection of its own.
SIDE_BY_SIDE = 6

log = structlog.get_logger(__name__)
_threads = ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="asking")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What was found, or the sentence to show instead."""

    value: T | None
    problem: str = ""


class Asked(Generic[T]):
    """A question that is being asked meanwhile."""

    def __init__(self, future: Future[Answer[T]]) -> None:
        self._future = future

    def answer(self) -> Answer[T]:
        """Wait for the answer."""
        return self._future.result()


class Asker:
    """Asks for one page; once the warehouse is away, the rest is not asked any more."""

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

    def meanwhile(self, question: Callable[[Warehouse], T]) -> Asked[T]:
        """Ask in another thread; the question may use nothing but the warehouse."""
        return Asked(_threads.submit(copy_context().run, self.ask, question))
