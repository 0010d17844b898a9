"""What the first part of the demo is about: which prices, which package, and what is published."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from torghut.artifacts.package import Package, PackageReference
from torghut.composition import deciding
from torghut.decisions.declarations import Declarations
from torghut.entrypoints.cli.demo.failing import DemoFailedError
from torghut.evals.baselines import RunBaseline
from torghut.evals.fit_windows import FitWindow, overlaps
from torghut.kernel.times import day
from torghut.kernel.units import NS_PER_S
from torghut.market.ports import Cursor, Source
from torghut.router.package import RegimeModel, read_regime_model
from torghut.settings import settings

TITLE: Final = "S&P 500 and Nasdaq Composite, daily closes"
_CARRIER: Final = "arch"
_DAY_NS: Final = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the demo is about.

    Attributes:
        source: The prices.
        span: Their first and last day.
        model: The package that serves.
        baseline: What it is published to come to.
        log: Where it goes.
    """

    source: Source
    declared: Declarations
    span: tuple[str, str]
    package: Package
    model: RegimeModel
    baseline: RunBaseline
    log: Path

    def run(self, *options: str) -> Sequence[str]:
        """Return the command that decides, with more options."""
        window = ("--from", self.baseline.from_day, "--to", self.baseline.to_day)
        package = ("--package", f"{self.package.name}@{self.package.digest}")
        log = ("--log", str(self.log))
        return ("run", "--source", self.baseline.source, *window, *package, *log, *options)


def set_up() -> Scene:
    """Read what the demo is about.

    Raises:
        SourceExtraMissingError: The package that carries the prices is not installed.
        PackageMissingError: The router package is not.
    """
    declared = deciding.declarations()
    baseline = deciding.demo_baseline()
    source = deciding.source(baseline.source, declared)
    package = deciding.package_store().load(
        PackageReference(name=baseline.router, digest=baseline.package)
    )
    folder = settings().trading_autonomy_artifact_dir / "demo"
    return Scene(
        source=source,
        declared=declared,
        span=_span(source),
        package=package,
        model=read_regime_model(package),
        baseline=baseline,
        log=folder / "demo.log",
    )


def _span(source: Source) -> tuple[str, str]:
    """Return the first and the last day of a source."""
    batches = source.batches(after=Cursor(), max_records=4096)
    spans = [
        (int(batch.contexts["event_ns"].min()), int(batch.contexts["event_ns"].max()))
        for batch in batches
        if len(batch.contexts)
    ]
    return day(min(first for first, _ in spans)), day(max(last for _, last in spans))


def heading(scene: Scene) -> Sequence[str]:
    """Return whose data it is and from when, and that the package has not seen what it decides."""
    carrier = f"{_CARRIER} {importlib.metadata.version(_CARRIER)}"
    licence = scene.source.description.licence.partition(",")[0]
    first, last = scene.baseline.from_day, scene.baseline.to_day
    fitted = f"{day(scene.model.start_ns)} to {day(scene.model.end_ns)}"
    origin = f"out of {carrier} ({licence})"
    return (
        f"{TITLE} {scene.span[0]} to {scene.span[1]}, {origin}: recorded data, not live.",
        f"Router package {scene.package.reference}, fitted on {fitted};",
        f"decided here: {first} to {last}, which {_verdict(scene)}.",
    )


def _verdict(scene: Scene) -> str:
    """Return whether the package was fitted on what it is to decide.

    Raises:
        DemoFailedError: It was.
    """
    fit = FitWindow(
        package=str(scene.package.reference),
        first_ns=scene.model.start_ns,
        last_ns=scene.model.end_ns,
    )
    first_ns = _midnight_ns(scene.baseline.from_day)
    last_ns = _midnight_ns(scene.baseline.to_day) + _DAY_NS - 1
    if overlaps([fit], first_ns=first_ns, last_ns=last_ns):
        raise DemoFailedError(step="fit window", found="it overlaps what is decided here")
    return "does not overlap"


def _midnight_ns(text: str) -> int:
    """Return the first instant of a UTC day."""
    return int(datetime.fromisoformat(f"{text}T00:00:00+00:00").timestamp()) * NS_PER_S
