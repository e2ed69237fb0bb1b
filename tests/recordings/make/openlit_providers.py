"""pip install openlit boto3 google-genai groq mistralai cohere ollama together, versions in the
recordings."""

from __future__ import annotations

import sys

import scenes_bedrock
import scenes_gemini
import scenes_providers
from openlit_setup import start

PLAYS = {
    "bedrock": ("boto3", scenes_bedrock.play),
    "gemini": ("google-genai", scenes_gemini.play),
    "groq": ("groq", scenes_providers.play_groq),
    "mistralai": ("mistralai", scenes_providers.play_mistralai),
    "cohere": ("cohere", scenes_providers.play_cohere),
    "ollama": ("ollama", scenes_providers.play_ollama),
    "together": ("together", scenes_providers.play_together),
}
for flavour in sys.argv[1:] or PLAYS:
    client, play = PLAYS[flavour]
    play(start(flavour, client))
