"""Set up, flush and end recording; the only reader of the environment."""

from __future__ import annotations

import atexit
import logging
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inferledger import attributes as names
from inferledger._facts import wire
from inferledger._hash import hash_key as derive_key
from inferledger._log import hush, say, say_broken
from inferledger._queue import OnFull, SendQueue
from inferledger._recorder import Recorder, install
from inferledger._send import SPANS, OtlpSender
from inferledger._span import Span

if TYPE_CHECKING:
    from inferledger._gpu_read import Gpus
    from inferledger._gpu_sampler import GpuSampler

_DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
EXIT_TIMEOUT_S = 5.0
_YES = frozenset({"1", "true", "yes", "on"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

_pid = os.getpid()
_queue: SendQueue[Span] | None = None
_sampler: GpuSampler | None = None


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
    gpu: bool = False,
    gpu_interval_s: float = 5.0,
    gpu_pool: str | None = None,
) -> None:
    """Start recording to a collector.

    What is not given is read from INFERLEDGER_ENDPOINT, INFERLEDGER_API_KEY, INFERLEDGER_SERVICE
    and INFERLEDGER_ENVIRONMENT. `tenant` and `team` apply to calls that name none. At most
    `max_queue` calls wait in memory; when the collector is away for longer, further ones are
    dropped and counted, or with `on_full="wait"` the caller waits (for back-fills only).

    With `gpu=True` the GPUs of this machine are sampled every `gpu_interval_s` seconds by a thread,
    for the pool of the name `gpu_pool` or INFERLEDGER_POOL; one process a machine should do so.

    Nothing is raised: a setting that can't be used is logged in one line and nothing is recorded,
    as with INFERLEDGER_DISABLED=1.
    """
    try:
        shutdown()
        hush("off")  # From here on `init` itself says why nothing is recorded.
        target = _target(endpoint, api_key)
        if target is not None:
            resource = _resource(service, environment)
            sender = OtlpSender(
                target.endpoint,
                target.api_key,
                resource,
                signal=SPANS,
                through_proxy=not target.is_local,
            )
            queue = SendQueue(
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
            if gpu:
                _start_sampling(target, resource, gpu_pool, gpu_interval_s)
    except Exception as error:
        say_broken("init", error)


def gpu_sampler(
    gpus: Gpus, *, pool: str | None = None, interval_s: float = 5.0
) -> GpuSampler | None:
    """Make a sampler that isn't started, from the environment; None, said in a line, without."""
    target = _target(None, None)
    if target is None:
        return None
    return _make_sampler(gpus, target, _resource(None, None), pool, interval_s)


def flush(timeout_s: float = 5.0) -> bool:
    """Wait until the calls recorded so far are delivered; False when the time was not enough."""
    try:
        return _queue.flush(timeout_s) if _queue is not None else True
    except Exception as error:
        say_broken("flush", error)
        return False


def shutdown(timeout_s: float = EXIT_TIMEOUT_S) -> bool:
    """Flush and stop recording; False when calls were left behind. Runs by itself at exit."""
    global _queue, _sampler
    queue, _queue = _queue, None
    sampler, _sampler = _sampler, None
    if sampler is not None:
        sampler.close(timeout_s)
    if queue is None:
        return True
    install(None)
    hush("off")
    try:
        return queue.close(timeout_s)
    except Exception as error:
        say_broken("shutdown", error)
        return False


def _resource(service: str | None, environment: str | None) -> dict[str, str]:
    given = {
        names.SERVICE: service or os.environ.get("INFERLEDGER_SERVICE"),
        names.DEPLOYMENT_ENVIRONMENT: environment or os.environ.get("INFERLEDGER_ENVIRONMENT"),
    }
    return {name: value for name, value in given.items() if value}


def _start_sampling(
    target: _Target, resource: dict[str, str], pool: str | None, interval_s: float
) -> None:
    # Imported here: only machines with GPUs need them.
    from inferledger._gpu_read import NoGpu, open_gpus  # noqa: PLC0415

    global _sampler  # noqa: PLW0603
    try:
        gpus = open_gpus()
    except NoGpu as error:
        say("no-gpu", "%s", error)
        return
    _sampler = _make_sampler(gpus, target, resource, pool, interval_s)
    _sampler.start()


def _make_sampler(
    gpus: Gpus, target: _Target, resource: dict[str, str], pool: str | None, interval_s: float
) -> GpuSampler:
    from inferledger._gpu_encode import POOL  # noqa: PLC0415
    from inferledger._gpu_sampler import GpuSampler  # noqa: PLC0415

    pool = pool or os.environ.get("INFERLEDGER_POOL")
    return GpuSampler(
        gpus,
        target.endpoint,
        target.api_key,
        {**resource, POOL: pool} if pool else resource,
        interval_s=interval_s,
        through_proxy=not target.is_local,
    )


def _start(queue: SendQueue[Span], recorder: Recorder) -> None:
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
    global _sampler  # noqa: PLW0603
    _sampler = None  # Its thread is the parent's, which goes on.
    if _queue is not None:
        _queue.after_fork()


atexit.register(shutdown)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
