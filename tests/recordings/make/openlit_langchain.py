"""pip install openlit langchain langchain-openai langchain-anthropic, versions in the
recordings."""

from __future__ import annotations

from openlit_setup import start

record = start("langchain", "langchain", "langchain-openai")

from scenes_langchain import play

play(record)
