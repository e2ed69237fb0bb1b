"""Addresses of the pages."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboards.budgets import (
    budgets_page,
    delete_budget_page,
    edit_budget_page,
    new_budget_page,
    send_alert_again,
    switch_budget,
)
from dashboards.changes import change_line, changes_page
from dashboards.commitments import commitments_page
from dashboards.currency import (
    choose_currency_page,
    currency_page,
    enter_exchange_rate,
    take_back_exchange_rate,
)
from dashboards.data import data
from dashboards.deployments import deployments_page, end_deployment_page, name_deployment_page
from dashboards.gpu_pools import (
    add_to_gpu_pool,
    delete_gpu_pool_page,
    end_gpu_price,
    gpu_pool_page,
    gpu_pools_page,
    new_gpu_pool_page,
)
from dashboards.gpus import gpus_page
from dashboards.invoice_upload import delete_invoice, preview_invoice, upload_invoice
from dashboards.invoices import invoice_day, invoices_page
from dashboards.overview import overview
from dashboards.ownership import ownership_page
from dashboards.rate_contracts import end_contract_page, new_contract_page, rate_contracts_page
from dashboards.rate_versions import (
    adopt_catalogue_page,
    compare_prices_page,
    rate_versions_page,
    upload_catalogue_page,
)
from dashboards.rates import rate_model_page, rates_page
from dashboards.repricings import close_month_page, reopen_month_page, repricings_page
from dashboards.spend_commitments import (
    commit_spend_page,
    end_spend_commitment_page,
    spend_commitments_page,
)
from dashboards.statements import statement_page, statements_page
from dashboards.waiting import waiting

urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview, name="overview"),
    path("overview/waiting", waiting, name="waiting"),
    path("changes", changes_page, name="changes"),
    path("changes/line", change_line, name="change-line"),
    path("commitments", commitments_page, name="commitments"),
    path("ownership", ownership_page, name="ownership"),
    path("data", data, name="data"),
    path("gpus", gpus_page, name="gpus"),
    path("gpus/pools", gpu_pools_page, name="gpu-pools"),
    path("gpus/pools/new", new_gpu_pool_page, name="new-gpu-pool"),
    path("gpus/pools/<int:pool_id>", gpu_pool_page, name="gpu-pool"),
    path("gpus/pools/<int:pool_id>/delete", delete_gpu_pool_page, name="delete-gpu-pool"),
    path("gpus/pools/<int:pool_id>/gpus", add_to_gpu_pool, {"what": "gpus"}, name="set-pool-gpus"),
    path(
        "gpus/pools/<int:pool_id>/price", add_to_gpu_pool, {"what": "price"}, name="set-pool-price"
    ),
    path("gpus/pools/<int:pool_id>/prices/<int:price_id>/end", end_gpu_price, name="end-gpu-price"),
    path("rates/commitments", spend_commitments_page, name="spend-commitments"),
    path("rates/commitments/new", commit_spend_page, name="commit-spend"),
    path(
        "rates/commitments/<int:commitment_id>/end",
        end_spend_commitment_page,
        name="end-spend-commitment",
    ),
    path("rates/deployments", deployments_page, name="deployments"),
    path("rates/deployments/new", name_deployment_page, name="name-deployment"),
    path("rates/deployments/<int:deployment_id>/end", end_deployment_page, name="end-deployment"),
    path("rates/currency", currency_page, name="currency"),
    path("rates/currency/choose", choose_currency_page, name="choose-currency"),
    path("rates/currency/enter", enter_exchange_rate, name="enter-exchange-rate"),
    path(
        "rates/currency/<int:rate_id>/take-back",
        take_back_exchange_rate,
        name="take-back-exchange-rate",
    ),
    path("invoices", invoices_page, name="invoices"),
    path("invoices/day", invoice_day, name="invoice-day"),
    path("invoices/import", upload_invoice, name="upload-invoice"),
    path("invoices/<int:invoice_id>/preview", preview_invoice, name="preview-invoice"),
    path("invoices/<int:invoice_id>/delete", delete_invoice, name="delete-invoice"),
    path("rates", rates_page, name="rates"),
    path("rates/contracts", rate_contracts_page, name="rate-contracts"),
    path("rates/contracts/new", new_contract_page, name="new-contract"),
    path("rates/contracts/<int:override_id>/end", end_contract_page, name="end-contract"),
    path("rates/versions", rate_versions_page, name="rate-versions"),
    path("rates/versions/upload", upload_catalogue_page, name="upload-catalogue"),
    path("rates/versions/compare", compare_prices_page, name="compare-prices"),
    path("rates/versions/<str:ref>/adopt", adopt_catalogue_page, name="adopt-catalogue"),
    path("rates/repricings", repricings_page, name="repricings"),
    path("rates/repricings/close", close_month_page, name="close-month"),
    path("rates/repricings/<int:closed_id>/reopen", reopen_month_page, name="reopen-month"),
    path("statements", statements_page, name="statements"),
    path("statements/<slug:month>/<path:tenant>", statement_page, name="statement"),
    path("budgets", budgets_page, name="budgets"),
    path("budgets/new", new_budget_page, name="new-budget"),
    path("budgets/<int:budget_id>/edit", edit_budget_page, name="edit-budget"),
    path("budgets/<int:budget_id>/switch", switch_budget, name="switch-budget"),
    path("budgets/<int:budget_id>/delete", delete_budget_page, name="delete-budget"),
    path("budgets/alerts/<int:alert_id>/again", send_alert_again, name="send-alert-again"),
    # Last: everything else under /rates is no provider.
    path("rates/<str:provider>/<path:model>", rate_model_page, name="rate-model"),
]
