"""`manage.py calibrate`: fit the engine to what was measured, or check an earlier fit."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.timezone import now
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from finops.accounts.management.workspace_option import find_workspace
from finops.clickhouse.client import warehouse
from finops.clickhouse.errors import WarehouseError
from finops.config import ConfigError
from finops.engine.catalogue import Catalogue, load
from finops.engine.errors import EngineError
from finops.engine.fit_profile import Progress as Told
from finops.engine.fit_profile import fit_profile, without_points
from finops.engine.profile import ProfileRecord, read_profile, write_profile
from finops.engine.read_points import Group
from finops.engine.run_profile import profile_of_run
from finops.management.moment import moment
from finops.queries import InvalidRange, Range
from finops.replay.calibration.advice import advice
from finops.replay.calibration.asked import Asked
from finops.replay.calibration.errors import CalibrationError, InvalidInput
from finops.replay.calibration.from_platform import Replayable, Wanted, replayable
from finops.replay.calibration.measured import measured_groups, measured_run
from finops.replay.calibration.plausible import doubt
from finops.replay.calibration.report import (
    checked_lines,
    checked_run_lines,
    fitted_lines,
    fitted_run_lines,
    planned_lines,
)

USER_ERRORS = (EngineError, CalibrationError, WarehouseError, ConfigError, InvalidRange)


class Command(BaseCommand):
    help = (
        "Fit the batching engine to a deployment that was measured, and write a profile with its "
        "errors and its 80 % interval. Three points, at low, middle and high load, are enough to "
        "start with. Without measurements it shows what the engine expects, and how surely."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_sources(parser)
        add_deployment(parser)
        parser.add_argument("--out", type=Path, metavar="FILE", help="the profile; or a folder")
        parser.add_argument(
            "--check",
            type=Path,
            metavar="PROFILE",
            help="fit nothing: show how far off this profile is on what was measured",
        )
        parser.add_argument("--rows", type=int, default=24, help="rows of the table (24)")

    def handle(self, **options: Any) -> None:
        try:
            self.run(options)
        except USER_ERRORS as error:
            hint = advice(str(error))
            raise CommandError(f"{error}\n{hint}" if hint else str(error)) from None

    def run(self, options: dict[str, Any]) -> None:
        """Find what was measured, and fit to it or check a profile with it."""
        catalogue = load(*options["catalogue"])
        asked = Asked(**{name: options[name] for name in Asked.__dataclass_fields__})
        if options["workspace"]:
            self.with_run(captured(options, asked, catalogue), options, asked, catalogue)
        elif run := measured_run(options["benchmark"], asked, catalogue):
            self.with_run(run, options, asked, catalogue)
        elif options["points"] or options["benchmark"]:
            found = measured_groups(options["points"], options["benchmark"], asked, catalogue)
            self.lines(found.notes)
            self.with_groups(found.groups, options)
        else:
            record = without_points(asked.deployment(catalogue), made_at())
            self.lines(planned_lines(record))

    def with_groups(self, groups: list[Group], options: dict[str, Any]) -> None:
        """Fit each group and write its profile; nothing is fitted before the targets are clear."""
        if options["check"]:
            points = [point for group in groups for point in group.points]
            self.lines(checked_lines(read_profile(options["check"]), points, options["rows"]))
            return
        targets = targets_of(groups, options["out"])
        names = [path.name for path in (options["benchmark"] or [options["points"]])]
        for group, target in zip(groups, targets, strict=True):
            with shown() as progress:
                record = fit_profile(group.points, names, made_at(), progress=progress)
            self.lines(fitted_lines(record, group.points, options["rows"]))
            if why := doubt(record, group.points):
                raise InvalidInput(f"{why} No profile was written of them.")
            self.write(record, target)

    def with_run(
        self, found: Replayable, options: dict[str, Any], asked: Asked, catalogue: Catalogue
    ) -> None:
        """Fit to a run, or replay it with a profile."""
        self.lines(found.notes)
        at, names = asked.deployment(catalogue), [found.run.source]
        if options["check"]:
            self.lines(checked_run_lines(read_profile(options["check"]), found, at))
            return
        fitted = profile_of_run(found.run, found.policy, at, names, made_at(), chosen=found.chosen)
        self.lines(fitted_run_lines(fitted))
        self.write(fitted.record, options["out"])

    def write(self, record: ProfileRecord, target: Path | None) -> None:
        if target is not None:
            try:
                write_profile(record, target)
            except OSError as error:
                raise InvalidInput(f"{target} can't be written: {error.strerror}.") from error
            self.stdout.write(f"wrote {target}")

    def lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.stdout.write(line)


def add_sources(parser: ArgumentParser) -> None:
    """The options that say where measurements are."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--points", type=Path, metavar="CSV", help="measured serving points")
    source.add_argument(
        "--benchmark",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="results of vLLM's or SGLang's benchmark, GuideLLM or AIPerf, one for each load",
    )
    source.add_argument("--workspace", metavar="SLUG", help="calls that its clients reported")
    parser.add_argument("--from", dest="start", type=moment, help="of the calls, UTC")
    parser.add_argument("--to", dest="end", type=moment, help="of the calls, UTC, exclusive")
    parser.add_argument("--served", help="the model by its name in the calls, if not --model")
    parser.add_argument("--provider", default="", help="of the calls, if there are several")
    parser.add_argument("--calls", type=int, default=2000, help="how many to use at most (2000)")


def add_deployment(parser: ArgumentParser) -> None:
    """The options that say what was measured."""
    parser.add_argument("--model", help="by its name in the catalogue or on Hugging Face")
    parser.add_argument("--gpu", help="by its name in the catalogue")
    parser.add_argument("--engine", help="vllm, sglang or trtllm")
    parser.add_argument(
        "--precision", "--weights", help="of the weights: bf16, fp8, int8, int4 (bf16)"
    )
    parser.add_argument("--kv", help="precision of the KV cache; left out: the engine's usual")
    parser.add_argument("--activations", help="precision; left out: what is usual for the weights")
    parser.add_argument("--tp", type=int, help="GPUs that share each layer (1)")
    parser.add_argument("--pp", type=int, help="stages of a pipeline (1)")
    parser.add_argument("--ep", type=int, help="groups that whole experts are dealt out to (1)")
    parser.add_argument(
        "--max-seqs", type=int, default=256, help="the engine's limit of requests at a time (256)"
    )
    parser.add_argument(
        "--max-tokens", type=int, default=8192, help="the engine's limit of tokens a step (8192)"
    )
    parser.add_argument(
        "--catalogue",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="YAML with GPUs and models of your own",
    )


def captured(options: dict[str, Any], asked: Asked, catalogue: Catalogue) -> Replayable:
    """The calls of a workspace that the options name."""
    missing = [
        flag
        for flag, name in (("--from", "start"), ("--to", "end"), ("--model", "model"))
        if not options[name]
    ]
    if missing:
        raise InvalidInput(f"Which calls? Add {', '.join(missing)}.")
    deployment = asked.deployment(catalogue)
    wanted = Wanted(
        find_workspace(options["workspace"]).pk,
        Range(options["start"], options["end"]),
        options["served"] or options["model"],
        options["provider"],
        options["calls"],
    )
    with warehouse() as ch:
        return replayable(ch, wanted, asked, deployment)


def targets_of(groups: list[Group], out: Path | None) -> list[Path | None]:
    """Where each group's profile goes; raises InvalidInput for several and one file."""
    if out is None:
        return [None] * len(groups)
    if out.is_dir():
        return [out / f"{'_'.join((g.model, g.gpu, g.engine, g.precision))}.json" for g in groups]
    if len(groups) > 1:
        raise InvalidInput(
            f"The points are of {len(groups)} deployments: choose one with --model, --gpu, "
            "--engine and --precision, or give a folder that exists as --out."
        )
    return [out]


def made_at() -> str:
    """The time that a profile says it was made at."""
    return now().astimezone(UTC).isoformat(timespec="seconds")


@contextmanager
def shown() -> Iterator[Told]:
    """A bar on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        bar = bars.add_task("Fitting", total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)
