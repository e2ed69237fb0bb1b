"""Deliver batches to the collector over OTLP/HTTP, with retries.

Answers that pass (429, 502, 503, 504, no answer) are tried again, after Retry-After where it is
given; the others would fail the same way again, so the batch is given up and the reason logged.
"""

from __future__ import annotations

import gzip
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from inferledger._encode import encoder, rejected
from inferledger._log import say, say_once
from inferledger._span import Span
from inferledger._version import __version__

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

Item = TypeVar("Item")

_ANSWER_TIMEOUT_S = 10.0
_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 30.0
_LONGEST_RETRY_AFTER_S = 300.0
_LAST_TRIES = 3  # while the process ends
_LONGEST_ANSWER = 65_536
_PASSING = frozenset({408, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the collector said; status 0 when it said nothing."""

    status: int
    body: bytes = b""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Signal(Generic[Item]):
    """What is sent: where to, in which form, and what its items are called."""

    path: str
    noun: str
    encoder: Callable[[Mapping[str, str]], Callable[[Sequence[Item]], bytes]]
    # How many of a request that was taken were turned down, and why.
    rejected: Callable[[bytes], tuple[int, str]]


SPANS: Signal[Span] = Signal("/v1/traces", "calls", encoder, rejected)


class OtlpSender(Generic[Item]):
    """Posts to the signal's path at `endpoint` with the API key as bearer token."""

    def __init__(
        self,
        endpoint: str,
        api_key: str,
        resource: Mapping[str, str],
        *,
        signal: Signal[Item],
        through_proxy: bool = True,
    ) -> None:
        self._through_proxy = through_proxy
        self._signal = signal
        self._url = endpoint.removesuffix(SPANS.path).removesuffix(signal.path) + signal.path
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/x-protobuf",
            "Content-Encoding": "gzip",
            "User-Agent": f"inferledger-python/{__version__}",
        }
        self._encode = signal.encoder(resource)
        self._quiet = False
        self._opener: OpenerDirector | None = None
        self._deadline = float("inf")
        self._nudged = threading.Event()

    def nudge(self) -> None:
        """Try at once instead of waiting for the next retry."""
        self._nudged.set()

    def give_up_at(self, deadline: float) -> None:
        """Stop trying at this `time.monotonic()`."""
        self._deadline = deadline
        self._nudged.set()

    def after_fork(self) -> None:
        """Start over with the thread that this process will have."""
        self._nudged = threading.Event()
        self._quiet = False

    def send(self, items: Sequence[Item]) -> None:
        """Deliver a batch; returns when it was taken, refused for good, or given up."""
        if not self._quiet:
            _suppress_instrumentation()
            self._quiet = True
        body = gzip.compress(self._encode(items), compresslevel=3)
        wait_s, last_tries = _FIRST_WAIT_S, _LAST_TRIES
        while (left_s := self._deadline - time.monotonic()) > 0 and last_tries > 0:
            self._nudged.clear()
            answer = self._post(body, min(_ANSWER_TIMEOUT_S, left_s))
            if answer.status == 413 and len(items) > 1:
                middle = len(items) // 2
                self.send(items[:middle])
                self.send(items[middle:])
                return
            if answer.status and answer.status not in _PASSING:
                _report(answer, self._signal, len(items))
                return
            say("down", "the collector at %s %s; trying again", self._url, _trouble(answer))
            last_tries -= self._closing
            self._wait(answer.retry_after_s or wait_s * (0.5 + secrets.randbelow(1000) / 1000))
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
        say("left", "%d %s could not be sent before the end", len(items), self._signal.noun)

    @property
    def _closing(self) -> bool:
        return self._deadline != float("inf")

    def _wait(self, seconds: float) -> None:
        if self._closing:
            time.sleep(min(_FIRST_WAIT_S, max(0.0, self._deadline - time.monotonic())))
        else:
            self._nudged.wait(seconds)

    def _post(self, body: bytes, timeout_s: float) -> Answer:
        from urllib.error import HTTPError  # noqa: PLC0415
        from urllib.request import Request  # noqa: PLC0415

        if self._opener is None:
            self._opener = _opener(through_proxy=self._through_proxy)
        request = Request(self._url, data=body, headers=self._headers, method="POST")  # noqa: S310
        try:
            with self._opener.open(request, timeout=timeout_s) as response:
                return Answer(response.status, response.read(_LONGEST_ANSWER))
        except HTTPError as error:
            with error:
                return Answer(error.code, retry_after_s=_retry_after(error.headers))
        except Exception:
            # Refused, reset, unresolved, timed out, a garbled answer: the collector is not there.
            return Answer(0)


def _opener(*, through_proxy: bool) -> OpenerDirector:
    from urllib.request import (  # noqa: PLC0415
        HTTPRedirectHandler,
        ProxyHandler,
        build_opener,
    )

    class NoRedirect(HTTPRedirectHandler):
        """A redirect would carry the key to another host, so it counts as a refusal."""

        def redirect_request(self, *_: Any) -> None:
            return None

    return build_opener(NoRedirect, ProxyHandler(None if through_proxy else {}))


def _suppress_instrumentation() -> None:
    # An application that instruments urllib would else record our own requests, and those in turn.
    from opentelemetry import context  # noqa: PLC0415

    key = getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation")
    context.attach(context.set_value(key, True))


def _report(answer: Answer, signal: Signal[Any], count: int) -> None:
    noun = signal.noun
    if answer.status in {401, 403}:
        say_once(
            "key",
            "the collector refused the API key (HTTP %d); %s are not recorded until "
            "INFERLEDGER_API_KEY is a valid key with scope ingest",
            answer.status,
            noun,
        )
    elif answer.status >= 300:
        say("refused", "the collector refused %d %s (HTTP %d)", count, noun, answer.status)
    elif answer.body:
        number, reason = signal.rejected(answer.body)
        if number:
            say("rejected", "the collector rejected %d of %d %s: %s", number, count, noun, reason)


def _trouble(answer: Answer) -> str:
    return f"answered HTTP {answer.status}" if answer.status else "does not answer"


def _retry_after(headers: Any) -> float | None:
    """Seconds to wait by a Retry-After header, given as seconds or as a date."""
    value = (headers.get("Retry-After") or "").strip() if headers is not None else ""
    if not value:
        return None
    if value.isdigit():
        return min(float(value), _LONGEST_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = (moment - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S)
