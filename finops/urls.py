"""Every address of the web process."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("finops.accounts.urls")),
    path("api/v1/", include("finops.api.urls")),
    path("", include("dashboards.urls")),
]
