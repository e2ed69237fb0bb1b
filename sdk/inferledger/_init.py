"""Set up, flush and end recording; the only reader of the environment."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from dataclasses import dataclass
from urllib.parse import urlsplit

from inferledger import attributes as names
from inferledger._facts import wire
from inferledger._hash import hash_key as derive_key
from inferledger._log import hush, say, say_broken
from inferledger._queue import OnFull, SpanQueue
from inferledger._recorder import Recorder, install
from inferledger._send import OtlpSender

_DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
_EXIT_TIMEOUT_S = 5.0
_YES = frozenset({"1", "true", "yes", "on"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_pid = os.getpid()
_queue: SpanQueue | None = None


@dataclass(frozen=True, slots=True)
class _Target:
    endpoint: str
    api_key: str
    is_local: bool


def init(  # noqa: PLR0913
    endpoint: str | None = None,
    api_key: str | None = None,
    *,
    service: str | None = None,
    environment: str | None = None,
    tenant: str | None = None,
    team: str | None = None,
    hash_key: str | bytes | None = None,
    max_queue: int = 8192,
    on_full: OnFull = "drop",
) -> None:
    """Start recording to a collector.

    What is not given is read from INFERLEDGER_ENDPOINT, INFERLEDGER_API_KEY, INFERLEDGER_SERVICE
    and INFERLEDGER_ENVIRONMENT. `tenant` and `team` apply to calls that name none. At most
    `max_queue` calls wait in memory; when the collector is away for longer, further ones are
    dropped and counted, or with `on_full="wait"` the caller waits (for back-fills only). Nothing is
    raised: a setting that can't be used is logged in one line and nothing is recorded, as with
    INFERLEDGER_DISABLED=1.
    """
    try:
        shutdown()
        hush("off")  # From here on `init` itself says why nothing is recorded.
        target = _target(endpoint, api_key)
        if target is not None:
            resource = {
                names.SERVICE: service or os.environ.get("INFERLEDGER_SERVICE"),
                names.DEPLOYMENT_ENVIRONMENT: environment
                or os.environ.get("INFERLEDGER_ENVIRONMENT"),
            }
            sender = OtlpSender(
                target.endpoint,
                target.api_key,
                {name: value for name, value in resource.items() if value},
                through_proxy=not target.is_local,
            )
            queue = SpanQueue(
                sender, capacity=max(1, max_queue), on_full=on_full, at_start=_end_with_worker
            )
            _start(
                queue,
                Recorder(
                    take=queue.put,
                    defaults=wire({"tenant": tenant, "team": team}),
                    hash_key=derive_key(hash_key or target.api_key),
                ),
            )
    except Exception as error:
        say_broken("init", error)


def flush(timeout_s: float = 5.0) -> bool:
    """Wait until the calls recorded so far are delivered; False when the time was not enough."""
    try:
        return _queue.flush(timeout_s) if _queue is not None else True
    except Exception as error:
        say_broken("flush", error)
        return False


def shutdown(timeout_s: float = _EXIT_TIMEOUT_S) -> bool:
    """Flush and stop recording; False when calls were left behind. Runs by itself at exit."""
    global _queue
    queue, _queue = _queue, None
    if queue is None:
        return True
    install(None)
    hush("off")
    try:
        return queue.close(timeout_s)
    except Exception as error:
        say_broken("shutdown", error)
        return False


def _start(queue: SpanQueue, recorder: Recorder) -> None:
    global _queue  # noqa: PLW0603
    _queue = queue
    install(recorder)


def _target(endpoint: str | None, api_key: str | None) -> _Target | None:
    if os.environ.get("INFERLEDGER_DISABLED", "").strip().lower() in _YES:
        say(
            "disabled", "INFERLEDGER_DISABLED is set, so calls are not recorded", level=logging.INFO
        )
        return None
    key = (api_key or os.environ.get("INFERLEDGER_API_KEY") or "").strip()
    if not key:
        say("no-key", "no API key (INFERLEDGER_API_KEY), so calls are not recorded")
        return None
    address = (endpoint or os.environ.get("INFERLEDGER_ENDPOINT") or _DEFAULT_ENDPOINT).strip()
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        say("endpoint", "endpoint %r is no http(s) address, so calls are not recorded", address)
        return None
    is_local = parts.hostname in _LOOPBACK
    if parts.scheme == "http" and not is_local:
        say("plain", "the API key travels unencrypted to %s; use https", parts.hostname)
    return _Target(address.rstrip("/"), key, is_local)


def _end_with_worker() -> None:
    # Process pools end their forked workers without atexit, but run finalizers of their own.
    if os.getpid() != _pid:
        for name in ("multiprocessing.util", "billiard.util"):
            pool = sys.modules.get(name)
            if pool is not None:
                pool.Finalize(None, shutdown, exitpriority=10)


def _after_fork() -> None:
    if _queue is not None:
        _queue.after_fork()


atexit.register(shutdown)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
