"""Every address of the web process."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from finops.health.page import healthz

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", healthz, name="healthz"),
    path("", include("finops.accounts.urls")),
    path("api/v1/", include("finops.api.urls")),
    path("", include("dashboards.urls")),
]

handler400 = "finops.error_pages.bad_request"
handler403 = "finops.error_pages.forbidden"
handler404 = "finops.error_pages.not_found"
handler500 = "finops.error_pages.server_error"
