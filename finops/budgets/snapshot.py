"""What was known of a budget's spend when its alert was raised: the facts of the e-mail.

They are stored with the alert, so a mail that is late or repeated says what was true then, and
sending needs no ClickHouse.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class ModelSpend:
    """What one model cost in the period so far, in USD."""

    model: str
    spend_usd: Decimal


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Spend in USD at a moment, the models that cost most, and how complete this is.

    `timezone` bounded the month; `costed_to` is how far calls are priced, None when unknown.
    """

    at: datetime
    timezone: str
    spend_usd: Decimal
    models: tuple[ModelSpend, ...] = ()
    unpriced_calls: int = 0
    costed_to: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain values; money as text, exact to the last digit."""
        return {
            "at": self.at.isoformat(),
            "timezone": self.timezone,
            "spend_usd": str(self.spend_usd),
            "models": [[item.model, str(item.spend_usd)] for item in self.models],
            "unpriced_calls": self.unpriced_calls,
            "costed_to": self.costed_to.isoformat() if self.costed_to else None,
        }

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Snapshot:
        """Read what to_json wrote."""
        return cls(
            at=datetime.fromisoformat(stored["at"]),
            timezone=stored["timezone"],
            spend_usd=Decimal(stored["spend_usd"]),
            models=tuple(ModelSpend(name, Decimal(usd)) for name, usd in stored["models"]),
            unpriced_calls=stored["unpriced_calls"],
            costed_to=datetime.fromisoformat(stored["costed_to"]) if stored["costed_to"] else None,
        )
