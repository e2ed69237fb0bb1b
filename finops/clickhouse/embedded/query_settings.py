"""Settings that are sent with a query, applied to a session that knows only SET.

A server gives each query settings of its own. Here they are SET before the query and taken back
before a later one that doesn't send them, so a client that always sends the same pays once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from finops.clickhouse.embedded.errors import READONLY, UNKNOWN_SETTING, QueryError
from finops.clickhouse.embedded.packets import Setting
from finops.clickhouse.embedded.session import Session, literal

RESERVED = "log_comment"
"""It marks the session for KILL QUERY, so a client's value isn't applied."""


@dataclass
class QuerySettings:
    """What is applied to a session at the moment beyond its own settings."""

    session: Session
    known: frozenset[str]
    _applied: dict[str, str] = field(default_factory=dict)
    _saved: dict[str, str] = field(default_factory=dict)
    _own: bool = False

    def apply(self, settings: Iterable[Setting]) -> None:
        """Make the session have these settings and none of an earlier query.

        An unknown name is left out, as a server does, unless the client marked it as important.
        """
        wanted = {}
        for setting in settings:
            if setting.name in self.known and setting.name != RESERVED:
                wanted[setting.name] = setting.value
            elif setting.important and setting.name != RESERVED:
                raise QueryError(
                    UNKNOWN_SETTING,
                    f"DB::Exception: Unknown setting '{setting.name}'. (UNKNOWN_SETTING)",
                )
        if wanted != self._applied:
            self.take_back()
            self._set(wanted)

    def take_back(self) -> None:
        """Give the session its own settings again."""
        if not self._applied:
            return
        try:
            self.session.run("SET " + ", ".join(f"{name} = DEFAULT" for name in self._applied))
            for name, value in self._saved.items():
                self.session.run(f"SET {name} = {literal(value)}")
        except QueryError as error:
            if error.code != READONLY:
                raise
            # A read-only session can't be made writable again: the query had readonly = 1.
            self.session.renew()
        self._applied, self._saved = {}, {}

    def remember_own(self) -> None:
        """The client ran SET itself: such values have to come back after a query's own."""
        self._own = True

    def _set(self, wanted: dict[str, str]) -> None:
        if not wanted:
            return
        if self._own:
            self._saved = self.session.changed_settings(wanted)
        self._applied = wanted
        # readonly last: once it is set, nothing else can be.
        names = sorted(wanted, key=lambda name: name == "readonly")
        self.session.run("SET " + ", ".join(f"{name} = {literal(wanted[name])}" for name in names))
