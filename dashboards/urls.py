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
from dashboards.currency import (
    choose_currency_page,
    currency_page,
    enter_exchange_rate,
    take_back_exchange_rate,
)
from dashboards.data import data
from dashboards.overview import overview
from dashboards.statements import statement_page, statements_page
from dashboards.waiting import waiting

urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview, name="overview"),
    path("overview/waiting", waiting, name="waiting"),
    path("changes", changes_page, name="changes"),
    path("changes/line", change_line, name="change-line"),
    path("data", data, name="data"),
    path("rates/currency", currency_page, name="currency"),
    path("rates/currency/choose", choose_currency_page, name="choose-currency"),
    path("rates/currency/enter", enter_exchange_rate, name="enter-exchange-rate"),
    path(
        "rates/currency/<int:rate_id>/take-back",
        take_back_exchange_rate,
        name="take-back-exchange-rate",
    ),
    path("statements", statements_page, name="statements"),
    path("statements/<slug:month>/<path:tenant>", statement_page, name="statement"),
    path("budgets", budgets_page, name="budgets"),
    path("budgets/new", new_budget_page, name="new-budget"),
    path("budgets/<int:budget_id>/edit", edit_budget_page, name="edit-budget"),
    path("budgets/<int:budget_id>/switch", switch_budget, name="switch-budget"),
    path("budgets/<int:budget_id>/delete", delete_budget_page, name="delete-budget"),
    path("budgets/alerts/<int:alert_id>/again", send_alert_again, name="send-alert-again"),
]
