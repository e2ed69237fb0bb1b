"""`manage.py gpu_pool`: set up which GPUs are paid for together, and what they cost."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.core.management.base import BaseCommand, CommandError

from finops.accounts.management.workspace_option import add_workspace_option, find_workspace
from finops.accounts.models import User, Workspace
from finops.management.moment import moment
from finops.pricing.gpu_price import GpuPrice, Kind
from finops.pricing.management.agreement_options import find_member
from finops.pricing.management.commands.override_rate import amount
from finops.pricing.pool_change import (
    PoolRefused,
    delete_pool,
    end_price,
    open_pool,
    set_members,
    set_price,
)
from finops.pricing.pools import GpuMembership, GpuPool, Sharing

LISTS = {
    "serves": ("--serves", "models that run on it, as llama*"),
    "providers": ("--provider", "providers that stand for it"),
    "tenants": ("--tenant", "whose calls run on it"),
    "labels": ("--label", "its GPUs' label pool"),
    "hosts": ("--host", "its hosts, as node-*"),
    "gpu_models": ("--gpu-model", "its GPUs' models, as *H100*"),
}
AMOUNTS = {
    "usd_per_gpu_hour": "rented: USD per GPU-hour",
    "purchase_usd": "owned: what all its GPUs cost",
    "salvage_usd": "owned: what they are worth at the end",
    "hosting_usd_per_gpu_hour": "owned: USD per GPU-hour",
    "usd_per_kwh": "energy tariff",
    "pue": "site energy ÷ GPU energy",
    "gco2e_per_kwh": "grams CO2e of the grid",
}
OF_POOL = ("serves", "providers", "tenants", "sharing", "overhead_percent")
OF_MEMBERS = ("gpus", "labels", "hosts", "gpu_models")
OF_PRICE = ("kind", "months", *AMOUNTS)


class Command(BaseCommand):
    help = (
        "Set up a GPU pool, say from when it has which GPUs, or what they cost. A pool that isn't "
        "there is made; --list shows all. The hours it changes are allocated within minutes."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_workspace_option(parser)
        parser.add_argument("name", nargs="?", help="the pool")
        for name, (flag, text) in LISTS.items():
            parser.add_argument(flag, dest=name, action="append", metavar="NAME", help=text)
        parser.add_argument("--sharing", choices=Sharing.values)
        parser.add_argument("--overhead-percent", type=amount, help="for CPU, memory, network")
        parser.add_argument("--gpus", type=int, help="how many; left out: as many as report")
        parser.add_argument("--kind", choices=Kind.values, help="of the price")
        parser.add_argument("--price-gpus", type=int, help="for so many; left out: all others")
        parser.add_argument("--months", type=int, help="owned: of straight-line amortisation")
        for name, text in AMOUNTS.items():
            parser.add_argument(f"--{name.replace('_', '-')}", type=amount, help=text)
        parser.add_argument("--from", dest="valid_from", type=moment, help="UTC")
        parser.add_argument("--to", dest="valid_to", type=moment, help="UTC, exclusive")
        parser.add_argument("--why", help="for the audit trail, such as the contract's number")
        parser.add_argument("--who", metavar="EMAIL", help="the member who decided it")
        other = parser.add_mutually_exclusive_group()
        other.add_argument("--list", action="store_true", help="show all pools")
        other.add_argument("--delete", action="store_true", help="delete it with its bills")
        other.add_argument("--end-price", type=int, metavar="ID", help="end this price --to a date")

    def handle(self, **options: Any) -> None:
        workspace = find_workspace(options["workspace"])
        actor = find_member(workspace, options["who"])
        try:
            if not options["list"]:
                change(workspace, options, actor)
        except PoolRefused as error:
            raise CommandError(explain(error)) from None
        for pool in workspace.gpu_pools.order_by("name"):
            for line in describe(pool):
                self.stdout.write(line)


def change(workspace: Workspace, options: dict[str, Any], actor: User | None) -> None:
    if not options["name"]:
        raise CommandError("Name the pool, or use --list.")
    pool = workspace.gpu_pools.filter(name=options["name"]).first()
    if options["delete"]:
        delete_pool(known(pool, options), actor=actor)
    elif options["end_price"] is not None:
        end(known(pool, options), options, actor)
    else:
        put(workspace, pool, options, actor)


def known(pool: GpuPool | None, options: dict[str, Any]) -> GpuPool:
    if pool is None:
        raise CommandError(f"There is no pool {options['name']!r}: --list shows them.")
    return pool


def end(pool: GpuPool, options: dict[str, Any], actor: User | None) -> None:
    price = pool.prices.filter(pk=options["end_price"]).first()
    if price is None or options["valid_to"] is None:
        raise CommandError("--end-price takes a price of the pool (see --list), and --to.")
    end_price(price, options["valid_to"], actor=actor)


def put(
    workspace: Workspace, pool: GpuPool | None, options: dict[str, Any], actor: User | None
) -> None:
    """Make a pool, or give one new GPUs or a new price."""
    missing = [
        flag for flag, name in (("--from", "valid_from"), ("--why", "why")) if not options[name]
    ]
    if missing:
        raise CommandError(f"This also needs {', '.join(missing)}.")
    dated = {name: options[name] for name in ("valid_from", "valid_to", "why")}
    members = {**given(options, OF_MEMBERS), **dated}
    price = {**given(options, OF_PRICE), "gpus": options["price_gpus"], **dated}
    priced = options["kind"] is not None
    if pool is None:
        about = {"name": options["name"], "why": options["why"], **given(options, OF_POOL)}
        open_pool(workspace, about, members, price if priced else None, actor=actor)
        return
    if given(options, OF_POOL):
        raise CommandError("What a pool serves is changed on its page or by the API.")
    if given(options, OF_MEMBERS):
        set_members(pool, members, actor=actor)
    if priced:
        set_price(pool, price, actor=actor)


def given(options: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: options[name] for name in names if options[name] is not None}


def explain(error: PoolRefused) -> str:
    return " ".join(
        line if field == NON_FIELD_ERRORS else f"--{field.replace('_', '-')}: {line}"
        for field, lines in error.problem.message_dict.items()
        for line in lines
    )


def describe(pool: GpuPool) -> list[str]:
    """A line for the pool, and one for each of its memberships and prices."""
    serves = ", ".join(pool.serves) or "every call of an inference server"
    lines = [f"{pool.name}: serves {serves}"]
    members = pool.memberships.order_by("valid_from")
    prices = pool.prices.order_by("valid_from", "pk")
    lines += [f"  {describe_members(one)}; {dates(one)}; {one.why}" for one in members]
    lines += [f"  price {one.pk}: {describe_price(one)}; {dates(one)}; {one.why}" for one in prices]
    return lines


def describe_members(one: GpuMembership) -> str:
    count = "as many GPUs as report" if one.gpus is None else f"{one.gpus} GPUs"
    wanted = (("label", one.labels), ("host", one.hosts), ("GPU", one.gpu_models))
    named = [f"{what} {' or '.join(names)}" for what, names in wanted if names]
    return f"{count} with {' and '.join(named) or f'label {one.pool.name}'}"


def describe_price(one: GpuPrice) -> str:
    whole = "all others" if one.gpus is None else f"{one.gpus} GPUs"
    return f"{one.terms}; for {whole}"


def dates(one: GpuMembership | GpuPrice) -> str:
    until = f" to {one.valid_to:%Y-%m-%d %H:%M}" if one.valid_to else ""
    return f"from {one.valid_from:%Y-%m-%d %H:%M}{until} UTC"
