"""Asking our own processes how they are, over HTTP."""

from __future__ import annotations

import ssl
import urllib.request
from http.client import HTTPResponse


def open_own(url: str, timeout_s: float) -> HTTPResponse:
    """GET an address from the settings; raises OSError.

    A certificate isn't checked: the address may be this machine's, which certificates don't name,
    and nothing but a state is read from it.
    """
    context = ssl._create_unverified_context() if url.startswith("https:") else None  # noqa: S323
    answer: HTTPResponse = urllib.request.urlopen(url, timeout=timeout_s, context=context)  # noqa: S310 - from the settings
    return answer
