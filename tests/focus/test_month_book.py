"""Who pays what: dues and what is nobody's are the month's total, to the last digit."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from finops.focus.month_book import keep_book
from finops.queries.statement import GpuSum, Sums

USD = st.decimals(0, 10**7, places=12)
TENANTS = st.sampled_from(["", "acme", "globex", "initech"])


def calls(usd: int | Decimal) -> Sums:
    return Sums(calls=1, cost_usd=Decimal(usd), clean_cost_usd=Decimal(usd))


def gpu(usd: int | Decimal, tenant: str = "", kind: str = "busy", pool: str = "h100") -> GpuSum:
    return GpuSum(pool, kind, tenant, "", "", "llama", 1, 1, 1, Decimal(usd))


def test_idle_time_is_shared_by_what_the_work_in_that_pool_cost() -> None:
    book = keep_book(
        {"acme": calls(100), "globex": calls(0)},
        [gpu(30, "globex"), gpu(10, "acme"), gpu(8, kind="idle"), gpu(7, kind="idle", pool="l4")],
    )
    assert book.dues["globex"].shares == {"idle": Decimal(6)}
    assert book.dues["acme"].shares == {"idle": Decimal(2)}
    assert book.nobodys["idle"] == 15
    # nobody worked in the other pool, so its idle hours stay where they are
    assert book.left_usd(distributed=True) == 7
    assert book.left_usd(distributed=False) == 15


def test_calls_without_a_tenant_are_shared_by_what_each_tenant_has_of_its_own() -> None:
    book = keep_book({"acme": calls(10), "globex": calls(20), "": calls(3)}, [gpu(10, "acme")])
    assert book.dues["acme"].shares == {"unattributed": Decimal("1.5")}
    assert book.dues["acme"].total_usd(distributed=True) == Decimal("21.5")
    assert book.dues["acme"].total_usd(distributed=False) == 20
    assert book.total_usd == 43


def test_work_on_gpus_that_named_no_tenant_is_nobodys() -> None:
    book = keep_book({}, [gpu(5, ""), gpu(1, "acme")])
    assert book.nobodys == {"unattributed": 0, "nameless work": 5}
    assert book.dues["acme"].shares == {"nameless work": Decimal(5)}


@given(
    st.dictionaries(TENANTS, USD),
    st.lists(
        st.tuples(
            USD,
            TENANTS,
            st.sampled_from(["busy", "idle", "unobserved", "overhead"]),
            st.sampled_from(["h100", "l4"]),
        ),
        max_size=12,
    ),
)
def test_statements_and_what_is_left_are_the_months_total(
    by_tenant: dict[str, Decimal], gpus: list[tuple[Decimal, str, str, str]]
) -> None:
    parts = [
        gpu(usd, tenant if kind == "busy" else "", kind, pool) for usd, tenant, kind, pool in gpus
    ]
    book = keep_book({tenant: calls(usd) for tenant, usd in by_tenant.items()}, parts)
    total = sum(by_tenant.values(), Decimal(0)) + sum((usd for usd, *_ in gpus), Decimal(0))
    assert book.total_usd == total
    for distributed in (False, True):
        dues = sum(
            (due.total_usd(distributed=distributed) for due in book.dues.values()), Decimal(0)
        )
        assert dues + book.left_usd(distributed=distributed) == total
        assert book.left_usd(distributed=distributed) >= 0
    if any(by_tenant.get(tenant) for tenant in ("acme", "globex", "initech")) and not gpus:
        assert book.left_usd(distributed=True) == 0
