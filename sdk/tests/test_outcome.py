from __future__ import annotations

import asyncio
import concurrent.futures

import anthropic
import httpx2
import openai
import pytest
from google.genai import errors as genai_errors

from inferledger._outcome import error_type, outcome_of

REQUEST = httpx2.Request("POST", "http://127.0.0.1/")


class OutOfMemoryError(RuntimeError):
    """Named as PyTorch's."""


class ThrottlingException(Exception):
    """Named as Amazon Bedrock's."""


class StatusError(Exception):
    def __init__(self, status: int) -> None:
        super().__init__("status")
        self.status_code = status


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TimeoutError(), "timeout"),
        (concurrent.futures.TimeoutError(), "timeout"),
        (httpx2.ReadTimeout("late", request=REQUEST), "timeout"),
        (openai.APITimeoutError(request=REQUEST), "timeout"),
        (anthropic.APITimeoutError(request=REQUEST), "timeout"),
        (StatusError(504), "timeout"),
        (StatusError(408), "timeout"),
        (StatusError(429), "rate_limited"),
        (
            openai.RateLimitError(
                "slow", response=httpx2.Response(429, request=REQUEST), body=None
            ),
            "rate_limited",
        ),
        (genai_errors.ClientError(429, {"error": {"message": "slow"}}), "rate_limited"),
        (ThrottlingException(), "rate_limited"),
        (asyncio.CancelledError(), "cancelled"),
        (concurrent.futures.CancelledError(), "cancelled"),
        (GeneratorExit(), "cancelled"),
        (KeyboardInterrupt(), "cancelled"),
        (MemoryError(), "oom"),
        (OutOfMemoryError("CUDA out of memory"), "oom"),
        (RuntimeError("CUDA error: out of memory"), "oom"),
        (StatusError(500), "error"),
        (openai.APIConnectionError(request=REQUEST), "error"),
        (ValueError("bad"), "error"),
    ],
)
def test_each_class_of_error_has_its_outcome(error: BaseException, outcome: str) -> None:
    assert outcome_of(error) == outcome


def test_the_type_of_an_error_is_its_qualified_class() -> None:
    assert error_type(ValueError()) == "ValueError"
    assert error_type(openai.APITimeoutError(request=REQUEST)) == "openai.APITimeoutError"
