"""From a server's settings to a service that can be started."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from finops.engine.batching import BatchScheduler
from finops.engine.catalogue import Catalogue, load
from finops.engine.constants import Constants
from finops.engine.deployment import Deployment
from finops.engine.errors import InvalidPolicy
from finops.engine.executor import Executor, StepTime
from finops.engine.policy import BatchPolicy, Policy
from finops.engine.profile import Habits, read_profile
from finops.engine.scheduler import Scheduler
from finops.engine.serve.chat import folder_template, plain_template, read_config
from finops.engine.serve.clock import Clock, SystemClock
from finops.engine.serve.errors import ServeError
from finops.engine.serve.ledger import ServerLedger
from finops.engine.serve.live import Live
from finops.engine.serve.metrics import VllmMetrics
from finops.engine.serve.service import Offer, Service
from finops.engine.serve.settings import POLICIES, Batching, Real, Settings, Simulated
from finops.engine.serve.simulated import WORDS, SimulatedAnswers
from finops.engine.serve.tokens import ByteTokenizer, FileTokenizer, PieceTokenizer, Tokenizer
from finops.engine.step_time import SimulatedExecutor

BLOCK_SIZE = 16
END = "\x00"  # a simulated answer's last token, in a text that nobody writes
TORCH_BLOCKS = 4096


@dataclass(frozen=True)
class Chosen:
    """What follows from the settings: the offer, and who computes it."""

    offer: Offer
    executor: Executor
    scheduler: Scheduler | BatchScheduler


def set_up(settings: Settings, clock: Clock | None = None) -> Service:
    """Make a service; raises an EngineError that says which setting to change.

    With a `provider` each attempt is recorded under that name by the SDK, which must be set up.
    """
    clock = clock or SystemClock()
    if isinstance(settings.runs, Simulated):
        chosen = simulated(settings.runs, settings.batching, settings.name, clock)
    else:
        chosen = real(settings.runs, settings.batching, settings.name)
    return assemble(chosen, settings, clock)


def assemble(chosen: Chosen, settings: Settings, clock: Clock) -> Service:
    """Put a live engine, its metrics and its ledger around what was chosen."""
    offer, scheduler = chosen.offer, chosen.scheduler
    metrics = VllmMetrics(offer.model, offer.max_model_len)
    live = Live(
        scheduler,
        chosen.executor,
        clock,
        metrics,
        max_waiting=settings.batching.max_waiting,
        hash_key=secrets.token_bytes(32),
    )
    metrics.follow(scheduler, lambda: live.waiting)
    return Service(
        offer,
        live,
        metrics,
        clock,
        draw=lambda: secrets.token_hex(12),
        draw_seed=lambda: secrets.randbits(62),
        record=ServerLedger(settings.provider, offer.model) if settings.provider else None,
        limits=settings.limits,
        api_key=settings.api_key,
    )


def simulated(told: Simulated, batching: Batching, name: str | None, clock: Clock) -> Chosen:
    """A deployment's step time in real time; raises NeedsCalibration for a mixture, and others."""
    at, constants, habits = deployment_of(told)
    if habits is not None and batching.policy == "continuous":
        budget = batching.max_tokens or habits.budget
        batching = replace(batching, max_tokens=budget, reserve=habits.reserve)
    blocks = batching.blocks or at.kv_blocks(BLOCK_SIZE)
    if blocks < 1:
        raise InvalidPolicy(
            f"{at.model.name} in {at.weights} doesn't fit on {at.gpus} × {at.gpu.name}: "
            "more GPUs (--tp) or a smaller precision (--precision) may hold it."
        )
    step_time: StepTime = SimulatedExecutor(at, constants)
    tokenizer: Tokenizer = (
        FileTokenizer(told.tokenizer) if told.tokenizer else PieceTokenizer((END, WORDS))
    )
    words = tokenizer.encode(WORDS)
    (end,) = tokenizer.encode(END)[-1:] or [words[-1]]
    executor = SimulatedAnswers(
        step_time,
        clock,
        [word for word in words if word != end],
        end,
        answer_tokens=told.answer_tokens,
        speed_up=told.speed_up,
    )
    scheduler = scheduler_of(batching, blocks)
    return Chosen(
        Offer(
            name or at.model.name,
            tokenizer,
            max_model_len(batching, blocks),
            ends=frozenset((end,)),
            default_max_tokens=2 * told.answer_tokens,
        ),
        executor,
        scheduler,
    )


def deployment_of(told: Simulated) -> tuple[Deployment, Constants | None, Habits | None]:
    """What is simulated, its constants, and how it batches; the last two if a profile says."""
    catalogue = load(*told.catalogue)
    if told.profile is not None:
        record = read_profile(told.profile)
        check_same(told, record.deployment, catalogue)
        of = record.deployment
        at = replace(
            of,
            tp=told.tp or of.tp,
            pp=told.pp or of.pp,
            ep=told.ep or of.ep,
            backend=told.backend or of.backend,
        )
        return at, record.constants, record.habits
    if told.model is None or told.gpu is None:
        raise ServeError("Say what to simulate: --model and --gpu, or --profile.")
    at = Deployment(
        catalogue.model(told.model),
        catalogue.gpu(told.gpu),
        told.precision or "bf16",
        told.kv or "bf16",
        tp=told.tp or 1,
        pp=told.pp or 1,
        ep=told.ep or 1,
        backend=told.backend or "",
    )
    return at, None, None


def check_same(told: Simulated, at: Deployment, catalogue: Catalogue) -> None:
    """Raise ServeError where a profile is of something else than what is asked for."""
    asked = {
        "model": told.model and (catalogue.model(told.model).name, at.model.name),
        "GPU": told.gpu and (catalogue.gpu(told.gpu).name, at.gpu.name),
        "precision": told.precision and (told.precision, at.weights),
        "KV cache": told.kv and (told.kv, at.kv),
        "backend": told.backend and (told.backend, at.backend),
    }
    for what, pair in asked.items():
        if pair and pair[0] != pair[1]:
            raise ServeError(
                f"The profile is of the {what} {pair[1]}, and {pair[0]} is asked for: leave that "
                "out, or calibrate it."
            )


def real(told: Real, batching: Batching, name: str | None) -> Chosen:
    """A model that runs here; raises ServeError where the extra `engine` isn't installed."""
    try:
        from finops.engine.torch_executor import LlamaExecutor  # noqa: PLC0415 (needs torch)
    except ImportError:
        raise ServeError(
            "Running a model needs PyTorch: `make engine` installs it, or "
            "pip install 'inferledger-server[engine]'."
        ) from None
    blocks = batching.blocks or TORCH_BLOCKS
    executor = LlamaExecutor.load(
        told.folder,
        blocks=blocks,
        block_size=BLOCK_SIZE,
        device=told.device,
        dtype=told.dtype,
        quantize=told.quantize,
    )
    config = executor.model.config
    own = told.folder / "tokenizer.json"
    generation = read_config(told.folder / "generation_config.json").get("eos_token_id", [])
    ends = generation if isinstance(generation, list) else [generation]
    return Chosen(
        Offer(
            name or told.folder.resolve().name,
            FileTokenizer(own) if own.is_file() else ByteTokenizer(),
            min(max_model_len(batching, blocks), config.max_positions),
            template=folder_template(told.folder) if own.is_file() else plain_template,
            ends=frozenset((*config.eos, *ends)),
            vocabulary=config.vocab,
        ),
        executor,
        scheduler_of(batching, blocks),
    )


def max_model_len(batching: Batching, blocks: int) -> int:
    """The most tokens that prompt and answer may have together."""
    room = blocks * BLOCK_SIZE
    return min(batching.max_model_len or room, room)


def scheduler_of(batching: Batching, blocks: int) -> Scheduler | BatchScheduler:
    """The scheduler of a policy's name; raises InvalidPolicy."""
    length = max_model_len(batching, blocks)
    if batching.policy == "continuous":
        max_seqs = batching.max_seqs or 256
        return Scheduler(
            Policy(
                blocks,
                BLOCK_SIZE,
                max_seqs=max_seqs,
                max_tokens=batching.max_tokens or max(8192, max_seqs),
                reserve=batching.reserve,
                max_model_len=length,
            )
        )
    if batching.policy not in POLICIES:
        raise InvalidPolicy(f"The policy can be {', '.join(POLICIES)}, not {batching.policy}.")
    wait_ps = round(batching.max_wait_ms * 1e9) if batching.policy == "dynamic" else None
    return BatchScheduler(
        BatchPolicy(
            blocks,
            BLOCK_SIZE,
            max_seqs=batching.max_seqs or 32,
            max_tokens=batching.max_tokens or 65536,
            max_wait_ps=wait_ps,
            max_model_len=length,
        )
    )
