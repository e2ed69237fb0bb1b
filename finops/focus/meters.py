"""What is metered: the buckets of tokens, calls, and things billed by use, in FOCUS's words.

Names follow the examples of billing for models in FOCUS's draft of 1.5: one SKU for each kind of
token, quantity in tokens, price for a million of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Meter:
    """One thing that is counted.

    `per` units are what a price is quoted for, always a power of ten, so that PricingQuantity and
    ListUnitPrice are finite decimals. `details` are SkuPriceDetails of its own.
    """

    key: str
    name: str
    unit: str
    per: int = 1
    priced_unit: str = ""
    details: tuple[tuple[str, str], ...] = ()

    @property
    def pricing_unit(self) -> str:
        return self.priced_unit or (self.unit if self.per == 1 else f"{self.per} {self.unit}")

    def pricing_quantity(self, quantity: int) -> Decimal:
        """Turn a raw count into units that the price is for, exactly."""
        return Decimal(quantity).scaleb(-len(str(self.per)) + 1)

    def unit_price(self, usd_for_one: Decimal) -> Decimal:
        """Turn USD for one into USD for `per`, exactly."""
        return usd_for_one.scaleb(len(str(self.per)) - 1)


def tokens(key: str, name: str, direction: str, **details: str) -> Meter:
    known = {"x_TokenDirection": direction, **{f"x_{k}": v for k, v in details.items()}}
    return Meter(key, name, "Tokens", MILLION, details=tuple(known.items()))


# bucket of the ledger -> its SKU
TOKEN_METERS: dict[str, Meter] = {
    "input": tokens("input", "Input Tokens", "Input"),
    "cache_read": tokens(
        "cache-read", "Cache Read Input Tokens", "Input", TokenCacheAction="Read"
    ),
    "cache_write_5m": tokens(
        "cache-write-5m", "Cache Write Input Tokens", "Input",
        TokenCacheAction="Write", TokenCacheDuration="5 Minutes",
    ),
    "cache_write_1h": tokens(
        "cache-write-1h", "Cache Write Input Tokens", "Input",
        TokenCacheAction="Write", TokenCacheDuration="1 Hour",
    ),
    "output": tokens("output", "Output Tokens", "Output"),
    "reasoning": tokens("reasoning", "Reasoning Output Tokens", "Output", TokenType="Reasoning"),
    "audio_in": tokens("audio-input", "Audio Input Tokens", "Input", TokenType="Audio"),
    "audio_out": tokens("audio-output", "Audio Output Tokens", "Output", TokenType="Audio"),
    "image_in": tokens("image-input", "Image Input Tokens", "Input", TokenType="Image"),
    "image_out": tokens("image-output", "Image Output Tokens", "Output", TokenType="Image"),
}  # fmt: skip

CALL = Meter("call", "Call Fees", "Requests")
# Nothing was bought: refused before it was read, or answered by a cache of the client's.
FREE = Meter("request", "Requests Without Charge", "Requests")
# A part of a charge that no meter explains; nothing that the charge job writes has one.
OTHER = Meter("other", "Other Charges", "Requests")

USE_METERS: dict[str, Meter] = {
    "web_search": Meter("web-search", "Web Searches", "Searches", 1000),
    "social_search": Meter("social-search", "Social Searches", "Searches", 1000),
    "file_search": Meter("file-search", "File Searches", "Searches", 1000),
    "rerank_search": Meter("rerank-search", "Rerank Searches", "Searches", 1000),
    "code_execution": Meter("code-execution", "Code Executions", "Executions", 1000),
    "page": Meter("page", "Pages", "Pages", 1000),
    "annotated_page": Meter("annotated-page", "Annotated Pages", "Pages", 1000),
    "character": Meter("character", "Characters", "Characters", MILLION),
    "text_message": Meter("text-message", "Text Messages", "Messages", 1000),
    # Quoted by the hour, which milliseconds don't divide into decimally: seconds do.
    "audio_ms": Meter("audio-duration", "Audio Duration", "Milliseconds", 1000, "Seconds"),
}
# Fees by use whose parts aren't known one by one.
USES = Meter("use", "Usage Fees", "Requests")


def use_meter(name: str) -> Meter:
    """Return the meter of a use; one that this list doesn't know yet is counted one by one."""
    return USE_METERS.get(name) or Meter(
        name.replace("_", "-"), name.replace("_", " ").title(), "Units"
    )


GPU = Meter("gpu-time", "GPU Time", "Milliseconds", 1, "Hours")
