"""An executor that takes as long as a step would, and says words that mean nothing."""

from __future__ import annotations

from collections.abc import Sequence as Rows
from hashlib import blake2b
from random import Random

from finops.engine.errors import InvalidPolicy
from finops.engine.executor import StepTime, step_ps
from finops.engine.sampling import Sampling
from finops.engine.scheduler import Step
from finops.engine.sequence import Sequence
from finops.engine.serve.clock import Clock

# Each is one piece for tokens.PieceTokenizer, so that an answer is found again in the next turn.
WORDS = " the call came in on time and was paid for so we can say what each one cost and for who"
# The loop's own work between two steps takes no longer; a real engine's is part of its step.
CATCH_UP_PS = 2 * 10**9


class SimulatedAnswers:
    """Executes a step by waiting for its step time ÷ `speed_up`.

    An answer has 0.5 to 1.5 × `answer_tokens` tokens of `words`, then one of `end`. The same prompt
    gets the same answer at temperature 0; else the request's seed decides, too. Durations that
    clients see are those of the simulated hardware ÷ `speed_up`; rates are × `speed_up`.
    """

    def __init__(
        self,
        step_time: StepTime,
        clock: Clock,
        words: Rows[int],
        end: int,
        *,
        answer_tokens: int = 200,
        speed_up: float = 1.0,
    ) -> None:
        if not 0.0 < speed_up <= 1e6:
            raise InvalidPolicy(f"The speed-up must be above 0 and at most 1e6, not {speed_up}.")
        if answer_tokens < 1:
            raise InvalidPolicy(f"An answer must have at least 1 token, not {answer_tokens}.")
        self.step_time = step_time
        self.clock = clock
        self.words = list(words)
        self.end_token = end
        self.answer_tokens = answer_tokens
        self.speed_up = speed_up
        self.due_ps = 0
        self.answers: dict[int, tuple[Random, int]] = {}  # by index: what is drawn, its length

    def start(self, seq: Sequence, prompt: Rows[int], sampling: Sampling) -> None:
        """Decide on an answer."""
        digest = blake2b(digest_size=8)
        digest.update(b"".join(token.to_bytes(8, "little") for token in prompt))
        if sampling.temperature > 0:
            digest.update(repr(sampling).encode())
        drawn = Random(int.from_bytes(digest.digest(), "little"))  # noqa: S311 (no secret)
        half = self.answer_tokens // 2
        length = drawn.randint(self.answer_tokens - half, self.answer_tokens + half)
        self.answers[seq.index] = (drawn, length)

    def execute(self, step: Step) -> dict[int, int]:
        """Wait as long as the step takes; its tokens."""
        now = self.clock.now_ps()
        began = self.due_ps if 0 <= now - self.due_ps <= CATCH_UP_PS else now
        self.due_ps = began + round(step_ps(self.step_time, *step.sizes()) / self.speed_up)
        self.clock.wait_ps(self.due_ps - now)
        return {
            seq.index: self._next(seq)
            for seq, count in step.work
            if seq.computed + count == seq.total
        }

    def _next(self, seq: Sequence) -> int:
        drawn, length = self.answers[seq.index]
        if seq.generated >= length:
            return self.end_token
        return drawn.choice(self.words)

    def end(self, seq: Sequence) -> None:
        """Forget an answer."""
        self.answers.pop(seq.index, None)
