"""pip install openlit openai-agents litellm, versions in the
recordings. The argument is the flavour."""

from __future__ import annotations

import sys

from openlit_setup import start

flavour = sys.argv[1]
clients = {"openai_agents": "openai-agents"}
record = start(flavour.replace("_", "-"), clients.get(flavour, flavour))

import scenes_agents

getattr(scenes_agents, f"play_{flavour}")(record)
