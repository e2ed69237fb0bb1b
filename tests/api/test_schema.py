"""The OpenAPI document is complete, and the API does what it says."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient
from rest_framework.throttling import SimpleRateThrottle
from schemathesis.specs.openapi.checks import positive_data_acceptance

from finops.accounts.keys import create_key
from finops.accounts.models import Workspace
from finops.clickhouse.client import Warehouse
from finops.wsgi import application


def document(client: Client) -> dict[str, Any]:
    response = client.get("/api/v1/schema", headers={"Accept": "application/json"})
    assert response.status_code == 200
    found: dict[str, Any] = response.json()
    return found


def test_the_schema_needs_no_key(client: Client, db: None) -> None:
    assert "/api/v1/unit-costs" in document(client)["paths"]


def test_every_operation_names_its_answers_errors_and_security(client: Client, db: None) -> None:
    found = document(client)
    operations = [
        (path, method, operation)
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
        if path not in ("/api/v1/schema", "/api/v1/docs")
    ]
    assert operations
    for path, method, operation in operations:
        answers = operation["responses"]
        assert any(status.startswith("2") for status in answers), (path, method)
        assert {"400", "401", "403", "429", "500", "503"} <= set(answers), (path, method)
        for status, answer in answers.items():
            if not status.startswith("2"):
                (content,) = answer["content"].values()
                assert content["schema"] == {"$ref": "#/components/schemas/Error"}
        assert {"apiKey": []} in operation["security"], (path, method)
        assert operation["summary"], (path, method)


def test_the_range_is_documented_under_its_real_names(client: Client, db: None) -> None:
    found = document(client)
    unit_costs = found["components"]["schemas"]["UnitCosts"]
    assert list(unit_costs["properties"])[:2] == ["from", "to"]
    names = {each["name"] for each in found["paths"]["/api/v1/unit-costs"]["get"]["parameters"]}
    assert {"from", "to", "group_by", "format", "order", "limit", "tenant", "model"} <= names


def test_the_document_is_made_without_a_warning(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    generator: Any = SchemaGenerator
    generator().get_schema(request=None, public=True)
    assert "Warning" not in capsys.readouterr().err


def test_the_page_of_the_api_loads_nothing_from_elsewhere(client: Client, db: None) -> None:
    html = client.get("/api/v1/docs").content.decode()
    assert "<style" not in html
    assert "//cdn" not in html
    assert "https://" not in html


@pytest.fixture
def header(
    acme: Workspace, configured_ch: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """A key that may do everything, and no limit to how often."""
    monkeypatch.setattr(SimpleRateThrottle, "allow_request", lambda *_: True)
    _, secret = create_key(acme, "fuzz", ["read", "admin"])
    return {"Authorization": f"Bearer {secret}"}


def test_the_api_answers_as_its_schema_says(header: dict[str, str]) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema", application)
    for found in schema.get_all_operations():
        operation: Any = found
        if operation.ok().path != "/api/v1/schema":
            fuzz(operation.ok(), header)


def fuzz(operation: Any, header: dict[str, str]) -> None:
    @given(case=operation.as_strategy())
    @settings(
        max_examples=12,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize=True,
    )
    def answers_as_documented(case: Any) -> None:
        # A schema can't say all: that a range has a start before its end, an amount two places.
        case.call_and_validate(headers=header, excluded_checks=[positive_data_acceptance])

    answers_as_documented()


@given(group_by=st.text(max_size=30), start=st.text(max_size=30), tenant=st.text(max_size=30))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_text_in_a_parameter_is_an_error_of_ours(
    header: dict[str, str], group_by: str, start: str, tenant: str
) -> None:
    client = APIClient()
    for query in ({"group_by": group_by}, {"from": start}, {"tenant": tenant}):
        response = client.get("/api/v1/unit-costs", query, headers=header)
        assert response.status_code in (200, 400)
