"""Addresses under /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from finops.api.budgets import BudgetsView, BudgetView
from finops.api.catalogues import CatalogueAdoptView, CatalogueDiffView, CataloguesView
from finops.api.closed_months import ClosedMonthsView, ReopenMonthView
from finops.api.commitments import CommitmentsView
from finops.api.deployments import DeploymentsView, DeploymentView
from finops.api.drivers import DriversView
from finops.api.exchange_rates import DisplayCurrencyView, ExchangeRatesView, ExchangeRateView
from finops.api.focus import FocusView
from finops.api.gpu_calls import GpuCallsView
from finops.api.gpu_costs import GpuCostsView
from finops.api.gpu_pools import (
    GpuMembersView,
    GpuPoolsView,
    GpuPoolView,
    GpuPricesView,
    GpuPriceView,
)
from finops.api.invoices import InvoicesView, InvoiceView
from finops.api.ownership import OwnershipView
from finops.api.rate_overrides import RateOverridesView, RateOverrideView
from finops.api.rates import RatesOfModelView, RatesView
from finops.api.reconciliation import ReconciliationView
from finops.api.repricings import RepricingsView, RepricingView
from finops.api.spend_commitments import SpendCommitmentsView, SpendCommitmentView
from finops.api.statements import StatementsView, StatementView
from finops.api.unit_costs import UnitCostsView
from finops.api.unpriced import UnpricedView

# Our own page: the stock one has a style element, which the content security policy refuses.
DOCS = SpectacularSwaggerSplitView.as_view(url_name="api-schema", template_name="api_docs.html")

urlpatterns: list[URLPattern | URLResolver] = [
    path("unit-costs", UnitCostsView.as_view(), name="api-unit-costs"),
    path("unpriced", UnpricedView.as_view(), name="api-unpriced"),
    path("drivers", DriversView.as_view(), name="api-drivers"),
    path("commitments", CommitmentsView.as_view(), name="api-commitments"),
    path("ownership", OwnershipView.as_view(), name="api-ownership"),
    path("focus", FocusView.as_view(), name="api-focus"),
    path("statements", StatementsView.as_view(), name="api-statements"),
    path("statement", StatementView.as_view(), name="api-statement"),
    path("budgets", BudgetsView.as_view(), name="api-budgets"),
    path("budgets/<int:budget_id>", BudgetView.as_view(), name="api-budget"),
    path("rate-overrides", RateOverridesView.as_view(), name="api-rate-overrides"),
    path("rate-overrides/<int:override_id>", RateOverrideView.as_view(), name="api-rate-override"),
    path("deployments", DeploymentsView.as_view(), name="api-deployments"),
    path("deployments/<int:deployment_id>", DeploymentView.as_view(), name="api-deployment"),
    path("spend-commitments", SpendCommitmentsView.as_view(), name="api-spend-commitments"),
    path(
        "spend-commitments/<int:commitment_id>",
        SpendCommitmentView.as_view(),
        name="api-spend-commitment",
    ),
    path("exchange-rates", ExchangeRatesView.as_view(), name="api-exchange-rates"),
    path("exchange-rates/<int:rate_id>", ExchangeRateView.as_view(), name="api-exchange-rate"),
    path("display-currency", DisplayCurrencyView.as_view(), name="api-display-currency"),
    path("rates", RatesView.as_view(), name="api-rates"),
    path(
        "rates/<str:provider>/<path:model>", RatesOfModelView.as_view(), name="api-rates-of-model"
    ),
    path("rate-catalogues", CataloguesView.as_view(), name="api-rate-catalogues"),
    path("rate-catalogues/diff", CatalogueDiffView.as_view(), name="api-rate-catalogues-diff"),
    path(
        "rate-catalogues/<str:ref>/adopt",
        CatalogueAdoptView.as_view(),
        name="api-rate-catalogue-adopt",
    ),
    path("repricings", RepricingsView.as_view(), name="api-repricings"),
    path("repricings/<int:repricing_id>", RepricingView.as_view(), name="api-repricing"),
    path("closed-months", ClosedMonthsView.as_view(), name="api-closed-months"),
    path("closed-months/<str:month>/reopen", ReopenMonthView.as_view(), name="api-reopen-month"),
    path("invoices", InvoicesView.as_view(), name="api-invoices"),
    path("invoices/<int:invoice_id>", InvoiceView.as_view(), name="api-invoice"),
    path("reconciliation", ReconciliationView.as_view(), name="api-reconciliation"),
    path("gpu-costs", GpuCostsView.as_view(), name="api-gpu-costs"),
    path("gpu-pools", GpuPoolsView.as_view(), name="api-gpu-pools"),
    path("gpu-pools/<int:pool_id>", GpuPoolView.as_view(), name="api-gpu-pool"),
    path("gpu-pools/<int:pool_id>/calls", GpuCallsView.as_view(), name="api-gpu-pool-calls"),
    path("gpu-pools/<int:pool_id>/gpus", GpuMembersView.as_view(), name="api-gpu-pool-gpus"),
    path("gpu-pools/<int:pool_id>/prices", GpuPricesView.as_view(), name="api-gpu-pool-prices"),
    path(
        "gpu-pools/<int:pool_id>/prices/<int:price_id>",
        GpuPriceView.as_view(),
        name="api-gpu-pool-price",
    ),
    path("schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("docs", DOCS, name="api-docs"),
]
