"""What one server offers: a model behind a live engine, and how requests are made ready for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from finops.engine.sampling import Sampling
from finops.engine.serve.attempts import Attempts
from finops.engine.serve.chat import Template, plain_template
from finops.engine.serve.clock import Clock
from finops.engine.serve.errors import Invalid, NotFound, TooLong
from finops.engine.serve.ledger import Record
from finops.engine.serve.live import Live
from finops.engine.serve.metrics import VllmMetrics
from finops.engine.serve.openai_answers import Body, model_body
from finops.engine.serve.openai_requests import Asked, ChatAsked, CompletionAsked
from finops.engine.serve.serving import Piece, Serving
from finops.engine.serve.text_stream import TextStream
from finops.engine.serve.tokens import Tokenizer

# Above it, tokens are made on another thread, so that nobody else waits for them.
LARGE_BODY = 64 * 1024


@dataclass(frozen=True)
class Offer:
    """The model that is served. `vocabulary` bounds token ids in prompts, if it is set."""

    model: str
    tokenizer: Tokenizer
    max_model_len: int
    template: Template = plain_template
    ends: frozenset[int] = frozenset()
    default_max_tokens: int = 1024
    vocabulary: int | None = None


@dataclass(frozen=True)
class Limits:
    """What a client may do to us; `request_s` bounds a whole answer, None leaves it open."""

    body_bytes: int = 4 * 1024**2
    read_s: float = 30.0
    send_s: float = 30.0
    request_s: float | None = None


@dataclass(frozen=True)
class Ready:
    """A request as the engine takes it."""

    prompt: list[int]
    target: int
    hashes: tuple[int, ...]


@dataclass
class Service:
    """A live engine and all that stands around it. `draw` makes ids, `draw_seed` seeds."""

    offer: Offer
    live: Live
    metrics: VllmMetrics
    clock: Clock
    draw: Callable[[], str]
    draw_seed: Callable[[], int]
    record: Record | None = None
    limits: Limits = field(default_factory=Limits)
    api_key: str = ""

    def __post_init__(self) -> None:
        self.attempts = Attempts(self.draw)
        self.created = int(self.clock.wall().timestamp())
        self.queues: dict[Serving, asyncio.Queue[Piece | None]] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self.live.deliver = self.deliver

    def start(self) -> None:
        """Start the engine's thread; its pieces go to the loop that runs here."""
        self.loop = asyncio.get_running_loop()
        self.live.start()

    def deliver(self, pieces: list[Piece]) -> None:
        """Take pieces from the engine's thread to the loop's."""
        if self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.hand_out, pieces)

    def hand_out(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            queue = self.queues.get(piece.serving)
            if queue is not None:
                queue.put_nowait(piece)

    def models(self) -> list[Body]:
        """The entries of /v1/models."""
        return [model_body(self.offer.model, self.created, self.offer.max_model_len)]

    def require_model(self, name: str) -> None:
        """Raise NotFound for a model that isn't served here."""
        if name != self.offer.model:
            raise NotFound(f"The model {name!r} isn't here; {self.offer.model!r} is.", "model")

    async def make_ready(self, asked: Asked, size: int) -> Ready:
        """Tokens, length and hash chain of a request; raises Invalid, TooLong and NotFound."""
        self.require_model(asked.model)
        if size <= LARGE_BODY:
            return self._make_ready(asked)
        return await asyncio.to_thread(self._make_ready, asked)

    def _make_ready(self, asked: Asked) -> Ready:
        prompt = self._tokens(asked)
        offer = self.offer
        if not prompt:
            raise Invalid("The prompt has no tokens.", "prompt")
        if offer.vocabulary is not None and max(prompt) >= offer.vocabulary:
            raise Invalid(f"The model knows tokens below {offer.vocabulary} only.", "prompt")
        room = offer.max_model_len - len(prompt)
        target = asked.limit or min(offer.default_max_tokens, max(1, room))
        if target > room or not self.live.fits(len(prompt), target):
            raise TooLong(
                f"The prompt has {len(prompt)} tokens and {target} are asked for; this server "
                f"has room for {offer.max_model_len} together.",
                "max_tokens" if asked.limit else "messages",
            )
        return Ready(prompt, target, self.live.chain(prompt))

    def _tokens(self, asked: Asked) -> list[int]:
        if isinstance(asked, ChatAsked):
            messages = (message.plain() for message in asked.messages)
            return self.offer.tokenizer.encode(self.offer.template(messages))
        prompt = asked.text_or_tokens if isinstance(asked, CompletionAsked) else ""
        return self.offer.tokenizer.encode(prompt) if isinstance(prompt, str) else prompt

    def submit(self, asked: Asked, ready: Ready) -> tuple[Serving, asyncio.Queue[Piece | None]]:
        """Hand a request to the engine; raises Overloaded and Draining."""
        limit_s = self.limits.request_s
        sampling: Sampling = asked.sampling(self.draw_seed())
        serving = self.live.submit(
            ready.prompt,
            ready.target,
            TextStream(self.offer.tokenizer, asked.stops),
            hashes=ready.hashes,
            sampling=sampling,
            ends=self.offer.ends,
            timeout_ps=None if limit_s is None else round(limit_s * 1e12),
        )
        queue: asyncio.Queue[Piece | None] = asyncio.Queue()
        self.queues[serving] = queue
        return serving, queue
