"""Settings that are sent with a query, applied to a session that knows only SET.

A server gives each query settings of its own. Here they are SET before the query and taken back
before a later one that doesn't send them, so a client that always sends the same pays once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from finops.clickhouse.embedded.errors import READONLY, UNKNOWN_SETTING, QueryError
from finops.clickhouse.embedded.packets import Setting
from finops.clickhouse.embedded.session import TAG_SETTING, Session, literal


@dataclass
class QuerySettings:
    """What is applied to a session at the moment beyond its own settings."""

    session: Session
    known: frozenset[str]
    _applied: dict[str, str] = field(default_factory=dict)
    _own: dict[str, str] = field(default_factory=dict)

    def apply(self, settings: Iterable[Setting]) -> None:
        """Make the session have these settings and none of an earlier query.

        An unknown name is left out, as a server does, unless the client marked it as important.
        """
        wanted = {}
        for setting in settings:
            if setting.name in self.known:
                wanted[setting.name] = setting.value
            elif setting.important:
                raise QueryError(
                    UNKNOWN_SETTING,
                    f"DB::Exception: Unknown setting '{setting.name}'. (UNKNOWN_SETTING)",
                )
        wanted.pop(TAG_SETTING, None)
        if wanted != self._applied:
            self.take_back()
            self._applied = wanted
            self._set(wanted)

    def take_back(self) -> None:
        """Give the session its own settings again."""
        if not self._applied:
            return
        try:
            self.session.run("SET " + ", ".join(f"{name} = DEFAULT" for name in self._applied))
            self._set({name: self._own[name] for name in self._applied if name in self._own})
        except QueryError as error:
            if error.code != READONLY:
                raise
            # A read-only session can't be made writable again: the query had readonly = 1.
            self.session.renew()
            self._set(self._own)
        self._applied = {}

    def remember_own(self) -> None:
        """The client ran SET itself: such values come back after those of a query."""
        self._own = self.session.changed_settings()

    def _set(self, values: dict[str, str]) -> None:
        # readonly last: once it is set, nothing else can be.
        names = sorted(values, key=lambda name: name == "readonly")
        if names:
            pairs = ", ".join(f"{name} = {literal(values[name])}" for name in names)
            self.session.run(f"SET {pairs}")
