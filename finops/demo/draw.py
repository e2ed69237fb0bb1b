"""What the traces don't record, drawn by one table of odds: outcomes, retries, caches, durations.

Token counts are the recorded ones: a cached prompt or a reasoning part only divides them, a retry
repeats them, and an answer that was cut short has fewer. Everything random comes from the generator
that is passed in, so a seed gives the same traffic each time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

from finops.demo.actions import Actions
from finops.demo.arrivals import Arrival
from finops.demo.attempts import Attempt, Odds, draw_attempts
from finops.demo.profiles import CONVERSATIONS, Client, client_named


@dataclass(frozen=True, slots=True)
class Request:
    """One request with all its attempts; `number` and `action` count within one play.

    `prompt` stands for the text: equal for a request that was sent twice, and never a text itself.
    """

    number: int
    action: int
    client: Client
    user_id: str
    prompt: str
    before_end_s: float
    attempts: tuple[Attempt, ...]


@dataclass
class Drawing:
    """Draws the requests of one play, in order."""

    rng: Random
    odds: Odds = field(default_factory=Odds)
    numbers: Iterator[int] = field(default_factory=count)
    actions: Actions = field(default_factory=Actions)

    def requests(self, arrivals: Iterable[Arrival]) -> Iterator[Request]:
        """Yield each arrival as a request, and now and then once more as its repetition."""
        for arrival in arrivals:
            request = self.draw(arrival)
            yield request
            if self.repeats(request):
                yield self.repetition(request)

    def draw(self, arrival: Arrival) -> Request:
        """Complete one recorded request."""
        rng = self.rng
        client = client_of(arrival.request.client, rng)
        action, user_id = self.actions.next(client, arrival.before_end_s, rng)
        number = next(self.numbers)
        return Request(
            number=number,
            action=action,
            client=client,
            user_id=user_id,
            prompt=f"prompt {number}",
            before_end_s=arrival.before_end_s,
            attempts=draw_attempts(client, arrival.request, self.odds, rng),
        )

    def repeats(self, request: Request) -> bool:
        """Say whether the user sends the same thing again although it was answered."""
        answered = request.attempts[-1].succeeded
        return answered and self.rng.random() < self.odds.repeated

    def repetition(self, request: Request) -> Request:
        """The same prompt of the same user, seconds after the answer, in an action of its own."""
        answered_ms = request.attempts[-1].after_ms + request.attempts[-1].duration_ms
        wait_s = answered_ms / 1000 + self.rng.uniform(2, 15)
        return replace(
            request,
            number=next(self.numbers),
            action=self.actions.number(),
            before_end_s=request.before_end_s - wait_s,
            attempts=(replace(request.attempts[-1], after_ms=0.0),),
        )


def client_of(number: str, rng: Random) -> Client:
    """The client that a trace names; one of the assistant's, by weight, where it names none."""
    if number:
        return client_named(number)
    weights = [weight for weight, _ in CONVERSATIONS]
    return rng.choices(CONVERSATIONS, weights)[0][1]
