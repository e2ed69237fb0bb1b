"""How the scripts start OpenLIT: as its documentation says, with nothing fetched."""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache
from importlib.metadata import version

import openlit
from opentelemetry import trace
from running import Recorder

PRICES = {"chat": {"gpt-4o-mini": {"promptPrice": 0.00015, "completionPrice": 0.0006}}}
# They trace the requests below, which are no calls, and the requests of these scripts.
OF_TRANSPORT = ["requests", "urllib", "urllib3", "httpx", "aiohttp-client"]


@cache
def instrument() -> None:
    """Instrument everything that is installed."""
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(PRICES, file)
    openlit.init(
        otlp_endpoint=os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"],
        application_name="shop",
        environment="production",
        disable_metrics=True,
        disabled_instrumentors=OF_TRANSPORT,
        pricing_json=file.name,
    )


def start(flavour: str, *clients: str) -> Recorder:
    """Begin the recordings of a flavour; old versions get a name of their own."""
    instrument()
    old = tuple(map(int, version("openlit").split(".")[:2])) < (1, 40)
    name = f"old-{flavour}" if old else flavour
    return Recorder("openlit", name, ["openlit", *clients], trace.get_tracer_provider())
