"""From the names that bills use for models to the catalogue's, so that captured and billed meet.

A bill of AWS says Claude4.5Sonnet, one of Azure "gpt 4o 1120 cached Inp glbl Tokens", one of
Google "Gemini 2.5 Flash GA Text Input - Predictions"; a call says
us.anthropic.claude-sonnet-4-5-20250929-v1:0. Both sides go through `meeting_name`. A name that
leads nowhere stays itself: it is shown, not guessed.
"""

from __future__ import annotations

import re
from functools import lru_cache

from finops.invoices.meter import split_words
from finops.pricing.in_force import on_change
from finops.pricing.resolve import catalogue_provider, find_provider, resolve_model

CLAUDE = re.compile(
    r"claude (?:(?P<v1>\d)(?: (?P<m1>\d))? )?(?P<family>sonnet|opus|haiku|instant)"
    r"(?: (?P<v2>\d)(?: (?P<m2>\d)(?!\d))?)?(?!\d)"
)
GEMINI = re.compile(r"gemini (\d)(?: (\d))? (pro|flash|ultra|nano)( lite)?(?: (image|tts|live)\b)?")
NOVA = re.compile(r"nova ?(?:(\d) ?(\d)? )?(micro|lite|pro|premier|sonic|canvas|reel)")
# What a meter of Azure says beside the model.
AZURE_WORDS = frozenset(
    (
        *("inp", "input", "in", "outp", "output", "opt", "out", "cached", "cchd", "cd", "cache"),
        *("write", "wr", "rsn", "reasoning", "audio", "aud", "text", "txt", "image", "img"),
        *("batch", "flex", "priority", "prty", "pp", "std", "short", "long", "shortco", "longco"),
        *("glbl", "global", "gl", "regnl", "regional", "regn", "data", "zone", "datazone"),
        *("dz", "dzn", "dzone", "tokens", "token", "1k", "1m", "azure", "openai"),
    )
)


def named_in(provider: str, text: str) -> str:
    """Return the model's name inside a meter or description of a bill; '' where there is none."""
    words = separate(text)
    for find in (claude_in, gemini_in, nova_in):
        if name := find(words):
            return name
    return azure_model(text) if provider == "azure" else ""


def separate(text: str) -> str:
    """Claude4.5Sonnet and claude-sonnet-4-5 as words: claude 4 5 sonnet, claude sonnet 4 5."""
    words = split_words(re.sub(r"(?<=[a-zA-Z])(?=\d)|(?<=\d)(?=[a-zA-Z])", " ", text))
    return re.sub(r"\s+", " ", words)


def claude_in(words: str) -> str:
    found = CLAUDE.search(words)
    if found is None:
        return ""
    major, minor = (found["v1"], found["m1"]) if found["v1"] else (found["v2"], found["m2"])
    if major is None:
        return f"claude-{found['family']}"
    version = f"{major}-{minor}" if minor else major
    return (
        f"claude-{found['family']}-{version}"
        if int(major) >= 4
        else f"claude-{version}-{found['family']}"
    )


def gemini_in(words: str) -> str:
    found = GEMINI.search(words)
    if found is None:
        return ""
    version = f"{found[1]}.{found[2]}" if found[2] else found[1]
    kind = f"-{found[5]}" if found[5] else ""
    return f"gemini-{version}-{found[3]}{'-lite' if found[4] else ''}{kind}"


def nova_in(words: str) -> str:
    found = NOVA.search(words)
    if found is None:
        return ""
    version = f"{found[1]}-{found[2] or 0}-" if found[1] else ""
    return f"nova-{version}{found[3]}"


def azure_model(text: str) -> str:
    """Drop what a meter says of direction, tier and place; what is left in front is the model."""
    parts = [part for part in re.split(r"[\s_\-]+", text.strip().lower()) if part]
    kept: list[str] = []
    for part in parts:
        if part in AZURE_WORDS:
            break
        # gpt 4o 0806: the day of the snapshot, month first
        if kept and re.fullmatch(r"(0[1-9]|1[0-2])[0-3]\d", part):
            continue
        kept.append(part)
    return "-".join(kept)


@lru_cache(maxsize=20_000)
def meeting_name(provider: str, model: str) -> tuple[str, str]:
    """Return (provider, model) under which a call and a line of a bill are the same thing."""
    home = catalogue_provider(provider) if provider.strip() else ""
    name = model.strip()
    if not name:
        return home, ""
    # Clouds resell one model under many ids: region, snapshot and version say nothing on a bill.
    if home in ("aws", "azure", "google"):
        words = separate(name)
        if found := claude_in(words) or gemini_in(words) or nova_in(words):
            return home, found
    if home == "azure":
        name = name.rpartition("/")[2]
    resolved = resolve_model(provider, name)
    if resolved is None and home == "anthropic" and (found := claude_in(separate(name))):
        resolved = resolve_model(home, found)
    if resolved is None:
        return home, name.lower()
    return resolved.provider, re.sub(r"^(?:regional|global)\.", "", resolved.model_id)


def is_known(provider: str, model: str) -> bool:
    """Say whether the catalogue has a price for a model as a bill or a call names it."""
    if resolve_model(provider, model) is not None:
        return True
    return meeting_name(provider, model)[1] in listed_names(provider)


@lru_cache(maxsize=200)
def listed_names(provider: str) -> frozenset[str]:
    """The catalogue's models of a provider, under the names by which bills and calls meet."""
    found = find_provider(provider)
    models = found.models if found is not None else []
    return frozenset(meeting_name(provider, model.id)[1] for model in models)


# Both answer from the catalogue in force.
on_change(meeting_name.cache_clear)
on_change(listed_names.cache_clear)
