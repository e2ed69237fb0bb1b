"""Who the recorded clients are in the demo, and how the models that serve them behave.

The traces number their clients and name no model. Each of the 17 ServeGen clients is given a fixed
tenant, feature and model that fit its lengths (a client that reads 51 tokens and answers 3 sorts
tickets); Azure's conversations have no client at all and are shared out among the tenants of one
assistant, by weight. All names are made up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """A model and its typical speed: milliseconds to the first token, and for each one after it.

    `fallback` is the model that takes over after a failure; '' when none does. `reasons` says that
    a part of its output is reasoning.
    """

    provider: str
    name: str
    first_token_ms: float
    per_token_ms: float
    finish_reason: str
    fallback: str = ""
    reasons: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """What all requests of one client share; `calls_per_action` is a mean, of 1 or more."""

    tenant: str
    team: str
    feature: str
    action: str
    model: str
    stream: bool = False
    users: int = 20
    calls_per_action: float = 1.0
    environment: str = "production"


MODELS: Mapping[str, Model] = {
    model.name: model
    for model in (
        Model("openai", "gpt-4o", 420, 13, "stop", fallback="gpt-4o-mini"),
        Model("openai", "gpt-4o-mini", 330, 9, "stop"),
        Model("anthropic", "claude-sonnet-4-5", 900, 16, "end_turn", fallback="claude-haiku-4-5"),
        Model("anthropic", "claude-haiku-4-5", 450, 7, "end_turn"),
        Model("google", "gemini-2.5-pro", 1800, 11, "STOP", "gemini-2.5-flash", reasons=True),
        Model("google", "gemini-2.5-flash", 380, 5, "STOP"),
        # Run on a GPU of the company's own: no list price exists, its cost is a part of the GPU's.
        Model("vllm", "guard-llama-8b", 60, 8, "stop"),
    )
}

# ServeGen's clients by their number; the comment gives requests in 400,000 and the median lengths.
CLIENTS: Mapping[str, Client] = {
    # 86,216: 51 in, 3 out
    "27": Client("acorn-bank", "support", "ticket-routing", "route ticket", "gpt-4o-mini"),
    # 79,720: 27 in, 2 out
    "14": Client("bluefin-mail", "trust", "spam-check", "check message", "gemini-2.5-flash"),
    # 61,767: 67 in, 10 out
    "26": Client("cobalt-travel", "search", "intent", "understand query", "gpt-4o-mini"),
    # 41,207: 40 in, 1 out
    "12": Client("delta-forum", "trust", "moderation", "moderate post", "gemini-2.5-flash"),
    # 22,770: 14 in, 74 out
    "17": Client("ember-chat", "growth", "smart-reply", "suggest reply", "claude-haiku-4-5", True),
    # 20,344: 405 in, 42 out
    "19": Client("fjord-news", "search", "summary", "summarise article", "gemini-2.5-flash"),
    # 19,163: 64 in, 32 out
    "13": Client("garnet-shop", "growth", "translation", "translate listing", "gpt-4o-mini"),
    # 16,708: 601 in, 38 out
    "41": Client(
        "harbor-telco", "support", "answer-draft", "answer ticket", "gpt-4o", True, 40, 2.0
    ),
    # 15,860: 303 in with a long tail, 41 out
    "31": Client(
        "iris-insurance",
        "operations",
        "claim-extract",
        "read claim",
        "claude-haiku-4-5",
        users=12,
        calls_per_action=3.0,
    ),
    # 14,066: 46 in, 50 out
    "18": Client("juniper-ads", "growth", "copywriting", "write copy", "claude-sonnet-4-5", True),
    # 10,514: 297 in, 111 out
    "36": Client("kestrel-meet", "operations", "meeting-notes", "write notes", "gpt-4o", users=30),
    # 6,568: 84 in, 1 out
    "39": Client("larch-games", "trust", "moderation", "moderate chat", "guard-llama-8b"),
    # 2,373: 209 in, 27 out
    "7": Client("maple-legal", "operations", "clause-check", "review clause", "claude-sonnet-4-5"),
    # 2,194: 631 in, 18 out
    "35": Client("nimbus-crm", "growth", "lead-score", "score lead", "gpt-4o-mini"),
    # 421: 518 in with a tail of 9,801, 16 out
    "16": Client(
        "orchid-research", "research", "deep-search", "research", "gemini-2.5-pro", False, 4, 5.0
    ),
    # 97: 981 in, 55 out
    "2": Client("pine-software", "research", "code-review", "review change", "claude-sonnet-4-5"),
    # 12: 1,298 in, 149 out
    "29": Client("quartz-capital", "research", "report", "write report", "gemini-2.5-pro"),
}


def assistant(tenant: str, model: str, users: int, calls_per_action: float = 1.6) -> Client:
    """A tenant of the assistant that Azure's conversations stand for."""
    return Client(tenant, "assistant", "assistant", "chat", model, True, users, calls_per_action)


# (weight, client): what each request of a trace without clients is drawn from. One caller forgot to
# say for whom it works, as real ones do.
CONVERSATIONS: tuple[tuple[float, Client], ...] = (
    (34, assistant("rowan-airlines", "gpt-4o", 220)),
    (22, assistant("harbor-telco", "claude-sonnet-4-5", 140)),
    (16, assistant("sable-energy", "gpt-4o-mini", 90)),
    (12, assistant("tundra-retail", "gemini-2.5-pro", 60)),
    (8, assistant("umber-health", "claude-haiku-4-5", 40)),
    (4, assistant("acorn-bank", "gpt-4o", 25)),
    (4, Client("", "", "playground", "try prompt", "gpt-4o", True, 6, 1.0, "staging")),
)


def client_named(number: str) -> Client:
    """The profile of a client; one that the table lacks keeps its number in its tenant's name."""
    known = CLIENTS.get(number)
    return known or Client(f"client-{number}", "", "chat", "chat", "gpt-4o-mini")
