"""What can go wrong with prices.

PricingError
├── NothingPublished   the charge job has no rates yet
├── TermsRefused       what a workspace says it has agreed contradicts itself or something else
│   └── OverrideRefused    so does a contract price
├── CatalogueRefused   a file isn't a price catalogue that can be used
└── NotForAll          list prices belong to every workspace, and who asks doesn't run them all
"""

from __future__ import annotations

from django.core.exceptions import ValidationError


class PricingError(Exception):
    """Prices can't be used as they are."""

    code = "pricing_failed"
    retryable = False


class NothingPublished(PricingError):
    """No rate version was ever published."""

    code = "no_rates_published"

    def __init__(self) -> None:
        super().__init__("No rates are published yet: run `manage.py publish_rates`.")


class TermsRefused(PricingError):
    """Terms are not valid; `problem` says by field what to do about it."""

    code = "terms_refused"

    def __init__(self, problem: ValidationError) -> None:
        self.problem = problem
        super().__init__(" ".join(problem.messages))


class OverrideRefused(TermsRefused):
    """A contract price is not valid."""

    code = "override_refused"


class CatalogueRefused(PricingError):
    """A file of prices can't be used; the message says why and is for the person who sent it."""

    code = "catalogue_refused"


class NotForAll(PricingError):
    """Who asks administers some workspaces of the installation, and list prices are for all."""

    code = "not_for_all"

    def __init__(self) -> None:
        super().__init__(
            "List prices hold for every workspace here, so it takes an admin or owner of all of "
            "them, or `manage.py upload_catalogue` on the server."
        )
