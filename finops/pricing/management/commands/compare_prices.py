"""`manage.py compare_prices`: LiteLLM's price list beside ours, for a person to look at."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from finops.pricing.compare import Comparison, compare, read_litellm
from finops.pricing.errors import CatalogueRefused
from finops.pricing.in_force import rates_of, take_up
from finops.pricing.meters import METERS
from finops.pricing.price_file import MOST_BYTES
from finops.pricing.wording import price_text


class Command(BaseCommand):
    help = (
        "Compare LiteLLM's model_prices_and_context_window.json with our list prices as they are "
        "now. Nothing is stored, and no price of it is ever charged."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="model_prices_and_context_window.json")
        parser.add_argument("--all", action="store_true", help="show agreements, too")

    def handle(self, **options: Any) -> None:
        path = options["file"]
        try:
            with path.open("rb") as file:
                entries = read_litellm(file.read(MOST_BYTES + 1))
        except OSError as error:
            raise CommandError(f"{path} can't be read: {error.strerror}.") from None
        except CatalogueRefused as error:
            raise CommandError(str(error)) from None
        found = compare(entries, rates_of(take_up()), timezone.now())
        self.stdout.write(summary(found))
        for one in found.opinions:
            if one.verdict == "differ" or options["all"]:
                self.stdout.write(
                    f"  {one.provider}/{one.model} {METERS[one.meter].label}: ours "
                    f"{price_text(one.ours)}, LiteLLM's {price_text(one.theirs)} ({one.name})"
                )


def summary(found: Comparison) -> str:
    return (
        f"{found.count('agree')} prices agree, {found.count('differ')} differ, "
        f"{found.count('only_ours')} are only ours, {found.count('only_theirs')} only LiteLLM's; "
        f"{len(found.unknown)} of its names lead to no model of ours"
    )
