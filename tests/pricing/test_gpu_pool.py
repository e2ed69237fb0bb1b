"""GPU pools: set up, dated and audited; the command says what it did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from finops.accounts.models import AuditEntry, User, Workspace
from finops.accounts.workspaces import create_workspace
from finops.costing.allocation.said import pools_of
from finops.pricing.gpu_price import GpuPrice
from finops.pricing.pool_change import (
    PoolRefused,
    change_pool,
    delete_pool,
    end_price,
    open_pool,
    set_members,
    set_price,
)
from finops.pricing.pools import GpuPool

pytestmark = pytest.mark.django_db
JAN = datetime(2026, 1, 1, tzinfo=UTC)
JUNE = datetime(2026, 6, 1, tzinfo=UTC)
RENT = {"kind": "on_demand", "usd_per_gpu_hour": Decimal("2.49"), "valid_from": JAN, "why": "quote"}


@pytest.fixture
def acme() -> Workspace:
    return create_workspace("acme", "Acme")


def opened(acme: Workspace, actor: User | None = None, **more: Any) -> GpuPool:
    members = {"gpus": 8, "valid_from": JAN, "why": "quote"}
    return open_pool(
        acme, {"name": "h100", "why": "quote", **more}, members, RENT, actor=actor, key="key 3"
    )


def command(*words: str) -> str:
    out = StringIO()
    call_command("gpu_pool", "--workspace", "acme", *words, stdout=out)
    return out.getvalue()


def test_each_change_is_in_the_audit_trail_with_who_and_what(acme: Workspace) -> None:
    user = User.objects.create_user("ann@acme.example", None)
    pool = opened(acme, user)
    change_pool(pool, {"overhead_percent": Decimal(5)}, actor=user)
    end_price(GpuPrice.objects.get(), JUNE, actor=user)
    delete_pool(pool, actor=user)
    entries = list(AuditEntry.objects.filter(target="h100").order_by("pk"))
    assert [entry.action for entry in entries] == [
        "gpu_pool.created", "gpu_pool.gpus_set", "gpu_pool.price_set", "gpu_pool.changed",
        "gpu_pool.price_ended", "gpu_pool.deleted",
    ]  # fmt: skip
    assert {(entry.actor, entry.target) for entry in entries} == {(user, "h100")}
    assert (entries[2].detail["usd_per_gpu_hour"], entries[2].detail["key"]) == ("2.49", "key 3")
    assert entries[3].detail["overhead_percent"] == ["0", "5"]
    assert entries[4].detail["valid_to"] == JUNE.isoformat()


def test_new_gpus_and_a_new_price_end_what_held_before(acme: Workspace) -> None:
    pool = opened(acme)
    set_members(pool, {"gpus": 12, "valid_from": JUNE, "why": "grown"}, actor=None)
    set_price(pool, {**RENT, "usd_per_gpu_hour": Decimal(2), "valid_from": JUNE}, actor=None)
    (plan,) = pools_of(acme)
    assert [(one.gpus, one.end == JUNE) for one in plan.members] == [(8, True), (12, False)]
    assert [(one.usd_per_gpu_hour, one.end == JUNE) for one in plan.prices] == [
        (Decimal("2.49"), True), (2, False)
    ]  # fmt: skip
    assert plan.members[0].labels == ("h100",)


def test_what_contradicts_itself_is_refused_and_changes_nothing(acme: Workspace) -> None:
    pool = opened(acme)
    owned = {
        "kind": "owned",
        "purchase_usd": Decimal(10),
        "months": 36,
        "valid_from": JAN,
        "why": "",
    }
    for price in (
        {**RENT, "usd_per_gpu_hour": None},
        {**RENT, "months": 3},
        {**RENT, "valid_from": JAN - timedelta(days=1)},
        {**RENT, "gpus": 2, "valid_to": JAN},
        {**owned, "gpus": 1},  # without a reason
        {**owned, "why": "x", "gpus": 1, "salvage_usd": Decimal(11)},
    ):
        with pytest.raises(PoolRefused):
            set_price(pool, price, actor=None)
    with pytest.raises(PoolRefused):
        opened(acme)
    with pytest.raises(PoolRefused):
        opened(acme, name="other", serves=["x", 3])
    assert [GpuPrice.objects.count(), GpuPool.objects.count()] == [1, 1]
    assert AuditEntry.objects.filter(target="h100").count() == 3


def test_the_command_makes_a_pool_grows_it_and_lists_it(acme: Workspace) -> None:
    command(
        "b200", "--gpus", "16", "--host", "b-*", "--host", "c-1", "--serves", "llama*",
        "--kind", "owned", "--purchase-usd", "480000", "--months", "36",
        "--from", "2026-01-01", "--why", "PO 17",
    )  # fmt: skip
    said = command(
        "b200", "--kind", "spot", "--price-gpus", "2", "--usd-per-gpu-hour", "1.10",
        "--from", "2026-06-01", "--why", "burst",
    )  # fmt: skip
    first, second = GpuPrice.objects.order_by("pk")
    assert said.splitlines() == [
        "b200: serves llama*",
        "  16 GPUs with host b-* or c-1; from 2026-01-01 00:00 UTC; PO 17",
        f"  price {first.pk}: Owned, $480,000.00 over 36 months; for all others; "
        "from 2026-01-01 00:00 UTC; PO 17",
        f"  price {second.pk}: Spot, $1.10 per GPU-hour; for 2 GPUs; "
        "from 2026-06-01 00:00 UTC; burst",
    ]
    command("b200", "--end-price", str(second.pk), "--to", "2026-07-01")
    assert GpuPrice.objects.get(pk=second.pk).valid_to == datetime(2026, 7, 1, tzinfo=UTC)
    assert command("b200", "--delete") == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Name the pool"),
        (["x", "--gpus", "1"], "--from, --why"),
        (["x", "--delete"], "no pool 'x'"),
        (["x", "--gpus", "1", "--kind", "spot", "--from", "2026-01-01", "--why", "y"],
         "--usd-per-gpu-hour: A price of the kind spot needs this."),
    ],
)  # fmt: skip
def test_the_command_says_what_it_lacks(acme: Workspace, words: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        command(*words)
    assert not GpuPool.objects.exists()
