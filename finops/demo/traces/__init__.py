"""The recorded traffic that ships with the product; NOTICE.md says whose it is."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).parent
AZURE = FOLDER / "azure2023_conversation.csv.gz"
SERVEGEN = FOLDER / "servegen_m-small.csv.gz"
