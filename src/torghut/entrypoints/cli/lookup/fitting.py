"""``torghut router fit``: fit a regime package on a window of a source, or one again to compare.

Needs the extra ``evals``; nothing else of the command line does.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypedDict

import click
from pydantic import ValidationError
from typing_extensions import Unpack

from torghut.artifacts.package import Package
from torghut.composition import deciding
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli.console import (
    Progress,
    json_option,
    plural,
    print_fields,
    print_json,
    progress,
    shown,
)
from torghut.entrypoints.cli.lookup.packages import load_package, packages_option
from torghut.entrypoints.cli.lookup.routers import print_router, router_json
from torghut.entrypoints.cli.lookup.times import TimeType
from torghut.kernel.errors import ExitCode
from torghut.market.ports import Source
from torghut.router.package import read_regime_model
from torghut.router.training.equivalence import Equivalence, Tolerance, equivalent
from torghut.router.training.record import FitRequest, TrainingRecord, read_training_record
from torghut.router.training.sequences import split
from torghut.schemas.types import first_problem
from torghut.settings import settings
from torghut.workflows.fitting.fit_reading import Progress as Telling
from torghut.workflows.fitting.fit_reading import Window, read_samples, resampled, sequences_of
from torghut.workflows.fitting.router_fit import (
    EvidenceRequest,
    FitKernels,
    RouterFit,
    fit_router,
    measure_router,
    pack_router,
)

_STAGES: Final = {
    "read": "Reading the window",
    "fit": "Fitting regimes",
    "decide": "Deciding the window",
}


class _Asked(TypedDict):
    """What was typed."""

    source: str
    again: str | None
    packages: Path | None
    name: str | None
    symbol: tuple[str, ...]
    from_ns: int | None
    to_ns: int | None
    sample_interval_ms: int | None
    longest_pause_s: int | None
    states: tuple[int, ...]
    seed: tuple[int, ...]
    note: str
    evidence: tuple[str, ...]
    out: Path | None
    as_json: bool


@click.command()
@click.option("--source", required=True, metavar="URI", help="What is fitted on.")
@click.option("--name", help="Of the package.")
@click.option("--symbol", multiple=True, help="Which of the source's symbols; more than once.")
@click.option("--from", "from_ns", type=TimeType(), help="First receive time of the window.")
@click.option("--to", "to_ns", type=TimeType(ends=True), help="Last receive time of the window.")
@click.option("--sample-interval-ms", type=click.IntRange(min=0), help="If not as declared.")
@click.option("--longest-pause-s", type=click.IntRange(min=0), help="If not as declared.")
@click.option("--states", type=int, multiple=True, help="Numbers of regimes to try.")
@click.option("--seed", type=click.IntRange(min=0), multiple=True, help="Of the starts to try.")
@click.option("--note", default="", help="What whoever uses the package must know.")
@click.option("--evidence", multiple=True, metavar="URI", help="Measure it on this too.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder to keep the package in; by default below the artifact folder.",
)
@click.option(
    "--again", metavar="NAME@DIGEST", help="Fit this one again and compare; keep nothing."
)
@packages_option
@json_option
def fit(**asked: Unpack[_Asked]) -> ExitCode:
    """Fit a regime package on a window of a source and keep it.

    With --again: fit as that package was fitted, and say whether it is the same model. Ends with
    0 if it is identical or equivalent, and with 1 if it is different.
    """
    folder = asked["out"] or settings().trading_autonomy_artifact_dir / "packages"
    with progress() as told:
        told.stage("Taking digests of the source's files")
        declared = deciding.declarations()
        source = deciding.source(asked["source"], declared)
        told.stage("Loading kernels; compiled once for each build")
        kernels = FitKernels(decision=deciding.kernel(), features=deciding.feature_pass())
        work = _Work(source=source, declared=declared, kernels=kernels, told=told)
        if asked["again"] is not None:
            package = load_package(asked["again"], asked["packages"])
            verdict = work.again(package)
        else:
            package, verdict = work.anew(_request(asked), asked["evidence"]), None
            deciding.package_store(folder).save(package)
    if verdict is not None:
        return _print_verdict(package, verdict, as_json=asked["as_json"])
    kept = folder / str(package.reference)
    if asked["as_json"]:
        print_json({**router_json(package), "folder": str(kept)})
    else:
        print_router(package)
        print_fields({"kept": shown(kept), "serve": _SERVE})
    return ExitCode.YES


_SERVE: Final = "put that folder into router/baselines of the declarations; see docs/how-to"


def _request(asked: _Asked) -> FitRequest:
    """Return what is to be fitted.

    Raises:
        click.UsageError: It is not whole, or cannot be.
    """
    missing = [
        flag
        for flag, value in (
            ("--name", asked["name"]),
            ("--symbol", asked["symbol"]),
            ("--from", asked["from_ns"]),
            ("--to", asked["to_ns"]),
        )
        if value is None or value == ()
    ]
    if missing or asked["to_ns"] is None:
        message = f"a fit needs {', '.join(missing)}; or --again NAME@DIGEST"
        raise click.UsageError(message)
    pauses = (asked["sample_interval_ms"], asked["longest_pause_s"])
    if (pauses[0] is None) != (pauses[1] is None):
        message = "--sample-interval-ms and --longest-pause-s go together"
        raise click.UsageError(message)
    stated: dict[str, object] = {
        "name": asked["name"],
        "symbols": asked["symbol"],
        "start_ns": asked["from_ns"],
        "end_ns": asked["to_ns"] + 1,
        "note": asked["note"],
        "plan": {
            key: value
            for key, value in (("states", asked["states"]), ("seeds", asked["seed"]))
            if value
        },
    }
    if pauses[0] is not None:
        stated["sampling"] = {"sample_interval_ms": pauses[0], "longest_pause_s": pauses[1]}
    try:
        return FitRequest.model_validate(stated)
    except ValidationError as error:
        raise click.UsageError(first_problem(error).at("the request")) from error


class _Work:
    """One fit under way.

    Args:
        source: What is fitted on.
        declared: How its instruments are sampled and judged.
        kernels: What computes.
        told: Where to say how far it is.
    """

    def __init__(
        self, *, source: Source, declared: Declarations, kernels: FitKernels, told: Progress
    ) -> None:
        self._source = source
        self._declared = declared
        self._kernels = kernels
        self._told = told

    def anew(self, request: FitRequest, evidence: tuple[str, ...]) -> Package:
        """Return the package that is asked for, with how it did on ``evidence``."""
        fitted = self._fit(request)
        measured = []
        for uri in evidence:
            self._told.stage(f"Measuring on {uri}")
            source = deciding.source(uri, self._declared)
            known = set(source.description.symbols)
            asked = EvidenceRequest(
                source=source,
                symbols=tuple(one for one in request.symbols if one in known),
                sampling=request.sampling,
            )
            measured.append(
                measure_router(
                    fitted, self._declared, asked, self._kernels, progress=_telling(self._told)
                )
            )
        return pack_router(fitted, measured)

    def again(self, package: Package) -> Equivalence:
        """Return whether fitting as ``package`` was fitted gives the same model."""
        record = read_training_record(package)
        fitted = self._fit(_kept_start(record))
        window = Window(
            source=self._source,
            declarations=resampled(self._declared, record.request.symbols, record.request.sampling),
            symbols=record.request.symbols,
            start_ns=record.request.start_ns,
            end_ns=record.request.end_ns,
        )
        samples = read_samples(window, self._kernels.features, _telling(self._told)).samples
        _, held_out = split(sequences_of(window, samples), record.split_ns)
        return equivalent(read_regime_model(package), fitted.model, held_out, Tolerance())

    def _fit(self, request: FitRequest) -> RouterFit:
        """Return the fit of ``request``."""
        return fit_router(
            self._source, self._declared, request, self._kernels, progress=_telling(self._told)
        )


def _kept_start(record: TrainingRecord) -> FitRequest:
    """Return the request with only the start that was kept; the others only lost to it."""
    kept = next(one for one in record.candidates if one.states == record.chosen_states)
    plan = {**dict(record.request.plan), "states": (kept.states,), "seeds": (kept.seed,)}
    return FitRequest.model_validate({**dict(record.request), "plan": plan})


def _telling(told: Progress) -> Telling:
    """Return what shows how far a fit is."""
    current = ""

    def tell(stage: str, done: int, total: int) -> None:
        nonlocal current
        if stage != current:
            told.stage(_STAGES.get(stage, stage), total=total)
            current = stage
        told.at(done, plural(done, "fit" if stage == "fit" else "context"))

    return tell


def _print_verdict(package: Package, verdict: Equivalence, *, as_json: bool) -> ExitCode:
    """Print whether a fit again is the same model, and return what that means."""
    if as_json:
        print_json(
            {
                "package": f"{package.name}@{package.digest}",
                "verdict": verdict.verdict,
                "apart": dict(verdict.apart),
                "beyond": list(verdict.beyond),
            }
        )
    else:
        print_fields(
            {
                "package": f"{package.name}@{package.digest}",
                "fitted again": verdict.verdict,
                "apart": ", ".join(f"{kind} {far:.3g}" for kind, far in verdict.apart.items()),
                "beyond": ", ".join(verdict.beyond) or "nothing is beyond tolerance",
            }
        )
    return ExitCode.NO if verdict.verdict == "different" else ExitCode.YES
