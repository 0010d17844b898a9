"""``torghut lookahead check``: does anything decided depend on what came after it?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypedDict

import click
import numpy as np
from typing_extensions import Unpack, override

from torghut.composition import deciding
from torghut.entrypoints.cli.console import (
    Progress,
    json_option,
    plural,
    print_fields,
    print_json,
    print_table,
    progress,
)
from torghut.entrypoints.cli.lookup.packages import load_package, packages_option
from torghut.evals.fit_windows import WindowOverlap
from torghut.evals.lookahead import LookaheadPlan, LookaheadReport, Verdict
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.market.ports import Batch, Cursor, Source, SourceDescription
from torghut.router.package import RegimeModel, read_regime_model
from torghut.workflows.lookahead_check import CheckedSource, KernelUnderTest, check_source

_CODES: Final[Mapping[Verdict, ExitCode]] = {
    "clean": ExitCode.YES,
    "leak": ExitCode.NO,
    "undetermined": ExitCode.NOT_FINAL,
}
_PLAN: Final = LookaheadPlan()
_STAGE: Final = "Deciding whole, cut and with other futures"


class _Asked(TypedDict):
    """What was typed."""

    package: str
    packages: Path | None
    source: str
    cuts: int
    seed: int
    contexts: int
    as_json: bool


@click.command()
@click.option("--package", required=True, metavar="NAME@DIGEST", help="Router package to serve.")
@packages_option
@click.option("--source", required=True, metavar="URI", help="What is decided.")
@click.option(
    "--cuts",
    type=click.IntRange(min=1),
    default=_PLAN.random_cuts,
    show_default=True,
    help="Random cuts; those where sessions open come on top.",
)
@click.option("--seed", type=click.IntRange(min=0), default=_PLAN.seed, show_default=True)
@click.option(
    "--contexts",
    type=click.IntRange(min=2),
    default=20_000,
    show_default=True,
    help="How many of the source's first contexts are decided.",
)
@json_option
def check(**asked: Unpack[_Asked]) -> ExitCode:
    """Decide a source whole, cut short, and with another future; compare what was decided before.

    Ends with 0 if nothing changed, 1 if anything decided before a cut depends on what follows it,
    and 6 if too few cuts could have shown it: at least 50 must.
    """
    model = read_regime_model(load_package(asked["package"], asked["packages"]))
    with progress() as told:
        found = _check(asked, model, told)
    code = _CODES[found.report.verdict]
    if asked["as_json"]:
        print_json(_as_json(found, model, code))
    else:
        _print(found, model)
    return code


def _check(asked: _Asked, model: RegimeModel, told: Progress) -> CheckedSource:
    """Return what the check finds."""
    told.stage("Taking digests of the source's files")
    declared = deciding.declarations()
    source = _Watched(source=deciding.source(asked["source"], declared))
    told.stage("Loading the decision kernel; compiled once for each build")
    kernel = deciding.kernel()
    told.stage(_STAGE)
    found = check_source(
        source,
        KernelUnderTest(kernel=kernel, declarations=declared, packages={model.name: model}),
        LookaheadPlan(seed=asked["seed"], random_cuts=asked["cuts"]),
        contexts_max=asked["contexts"],
        progress=_telling(told),
    )
    routers = {declared.instrument(symbol).router for symbol in source.symbols()}
    if model.name not in routers:
        message = (
            f"package {model.name} serves none of these contexts: their instruments name "
            f"{', '.join(sorted(routers))}"
        )
        raise click.UsageError(message)
    return found


@dataclass(slots=True, kw_only=True)
class _Watched(Source):
    """A source that remembers which of its symbols occurred."""

    source: Source
    seen: set[int] = field(default_factory=set)

    @property
    @override
    def description(self) -> SourceDescription:
        return self.source.description

    @override
    def batches(self, *, after: Cursor, max_records: int) -> Iterator[Batch]:
        for batch in self.source.batches(after=after, max_records=max_records):
            self.seen.update(np.unique(batch.contexts["symbol"]).tolist())
            yield batch

    def symbols(self) -> Sequence[str]:
        """Return the symbols that occurred."""
        return [self.description.symbols[number] for number in sorted(self.seen)]


def _telling(told: Progress) -> Callable[[int, int], None]:
    """Return what shows how many cuts are done."""
    begun = False

    def tell(done: int, total: int) -> None:
        nonlocal begun
        if not begun:
            told.stage(_STAGE, total=total)
            begun = True
        told.at(done, plural(done, "cut"))

    return tell


def _print(found: CheckedSource, model: RegimeModel) -> None:
    """Print what was found, for people."""
    report = found.report
    print_fields(
        {
            "verdict": _verdict(report),
            "package": f"{model.name}@{model.digest}",
            "contexts": f"{plural(report.contexts, 'context')}, {report.decided:,} decided, "
            f"{instant(found.first_ns)} to {instant(found.last_ns)}",
            "fitted": f"{instant(model.start_ns)} to {instant(model.end_ns)}",
            "overlap": "\n".join(map(_overlap, found.overlaps)) or "none with the fit window",
            "cannot see": "\n".join(report.cannot_see),
        }
    )
    if report.leaks:
        print_table(
            {"field": "left", "first cut": "right", "context": "right", "cuts": "right"}
            | {"seen by": "left"},
            [
                (
                    leak.field,
                    f"{leak.first_cut:,}",
                    f"{leak.context:,}",
                    f"{leak.cuts:,}",
                    ", ".join(leak.tests),
                )
                for leak in report.leaks
            ],
        )


def _verdict(report: LookaheadReport) -> str:
    """Return the verdict with the number of cuts that it rests on."""
    cuts = f"{plural(report.cuts, 'cut')} of {report.cuts_tried:,} could have shown a leak"
    if report.verdict == "undetermined" and not report.repeatable:
        return "undetermined: the same contexts did not give the same answers twice"
    return f"{report.verdict} ({cuts})"


def _overlap(overlap: WindowOverlap) -> str:
    """Return a span that is no evidence of anything."""
    span = f"{instant(overlap.first_ns)} to {instant(overlap.last_ns)}"
    return f"{span}: the package has seen this time, so what it decides there is no evidence"


def _as_json(found: CheckedSource, model: RegimeModel, code: ExitCode) -> JsonObject:
    """Return what was found, for machines."""
    report = found.report
    return {
        "verdict": report.verdict,
        "exit_code": int(code),
        "package": f"{model.name}@{model.digest}",
        "cuts": report.cuts,
        "cuts_tried": report.cuts_tried,
        "contexts": report.contexts,
        "decided": report.decided,
        "repeatable": report.repeatable,
        "first_ns": str(found.first_ns),
        "last_ns": str(found.last_ns),
        "leaks": [
            {
                "field": leak.field,
                "first_cut": leak.first_cut,
                "context": leak.context,
                "cuts": leak.cuts,
                "tests": list(leak.tests),
            }
            for leak in report.leaks
        ],
        "overlaps": [
            {
                "package": one.package,
                "first_ns": str(one.first_ns),
                "last_ns": str(one.last_ns),
            }
            for one in found.overlaps
        ],
        "cannot_see": list(report.cannot_see),
    }
