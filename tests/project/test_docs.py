"""The page on operation names every setting, and none that there is not."""

from __future__ import annotations

import re

from finops.config import ROOT, Config
from finops.config_checks import variable


def test_the_table_of_settings_is_whole() -> None:
    text = (ROOT / "docs" / "operations.md").read_text()
    named = {
        name for row in re.findall(r"^\| (`FINOPS_[^|]*)\|", text, re.M) for name in row.split("`")
    }
    assert {name for name in named if name.startswith("FINOPS_")} == {
        variable(field) for field in Config.model_fields
    }
