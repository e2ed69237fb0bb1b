"""pip install openlit anthropic, versions in the recordings."""

from __future__ import annotations

from importlib.metadata import version

from openlit_setup import start
from scenes_anthropic import play

# From its version 2 on the client traces itself beside any instrumentation.
traces_itself = int(version("anthropic").partition(".")[0]) >= 2
play(start("anthropic2" if traces_itself else "anthropic", "anthropic"))
