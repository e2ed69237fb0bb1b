"""Record what each LLM inference call costs, and for whom, as OpenTelemetry spans.

    import inferledger

    inferledger.init()  # INFERLEDGER_ENDPOINT, INFERLEDGER_API_KEY

    with inferledger.action("answer ticket", tenant="acme"):
        ask("…")  # a function decorated with @inferledger.track(provider=…, model=…)

Nothing here raises into the caller or makes it wait, and no prompt or answer is ever sent.
"""

from __future__ import annotations

from inferledger import attributes
from inferledger._call import Call, call, current_call, score
from inferledger._facts import Facts
from inferledger._init import flush, init, shutdown
from inferledger._record import record
from inferledger._scope import action, request
from inferledger._track import track
from inferledger._usage import Usage
from inferledger._version import __version__

__all__ = [
    "Call",
    "Facts",
    "Usage",
    "__version__",
    "action",
    "attributes",
    "call",
    "current_call",
    "flush",
    "init",
    "record",
    "request",
    "score",
    "shutdown",
    "track",
]
