"""``torghut doctor``: whether this installation can decide, and remember what it decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import click
import numpy as np
import numpy.typing as npt

from torghut.composition import deciding, governing, logs, machine
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.kernel.engine import DecisionKernel, reference_kernel
from torghut.entrypoints.cli.console import json_option, plural, print_json, progress, shown
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.units import NS_PER_MS
from torghut.router.package import read_regime_model
from torghut.schemas.codes import Stream
from torghut.schemas.declarations.instruments import Instrument
from torghut.schemas.rows import CONTEXT
from torghut.schemas.types import message_digest
from torghut.settings import settings
from torghut.workflows.running.serving import serving_packages

_WALK: Final = 300
"""Contexts of each symbol on which the compiled kernel is compared with the reference."""

_START_NS: Final = 1_399_291_200_000_000_000  # Monday 2014-05-05, 12:00 UTC
_ORIGIN: Final = "ab" * 32
_SHORT: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What it was.
        ok: Whether it is as it must be.
        found: What was found.
        advice: What to do where it is not; empty where it is.
    """

    name: str
    ok: bool
    found: str
    advice: str = ""


@click.command()
@json_option
def doctor(*, as_json: bool) -> ExitCode:
    """Check this installation: declarations, packages, kernel, cache, disk, log.

    Leaves nothing behind but the compiled kernel. Ends with 0 if all is well, else with 1.
    """
    facts = dict(machine.environment())
    facts["fingerprint"] = machine.fingerprint(facts)
    with progress() as told:
        checks: list[Check] = []
        for name, look, advice in _LOOKS:
            told.stage(f"Checking {name}")
            checks.append(_judge(name, look, advice))
            if not as_json:
                told.say(_line(checks[-1]))
    well = all(check.ok for check in checks)
    if as_json:
        print_json(
            {
                "ok": well,
                "checks": [
                    {"name": c.name, "ok": c.ok, "found": c.found, "advice": c.advice or None}
                    for c in checks
                ],
                "environment": facts,
            }
        )
    else:
        click.echo(", ".join(f"{name} {value}" for name, value in _shown_facts(facts)))
        click.echo("all is well" if well else "not all is well: see the lines with ✗")
    return ExitCode.YES if well else ExitCode.NO


class NotReadyError(TorghutError):
    """Something that this installation needs is not as it must be; ``torghut doctor`` says what."""

    code: ClassVar[str] = "cli.not-ready"
    exit_code: ClassVar[ExitCode] = ExitCode.NO

    def __init__(self, *, found: str) -> None:
        super().__init__(found)
        self.found = found


def _judge(name: str, look: Callable[[], str], advice: str) -> Check:
    """Return what ``look`` found, or why it could not."""
    try:
        return Check(name=name, ok=True, found=look())
    except TorghutError as error:
        return Check(name=name, ok=False, found=f"{error.code}: {error}", advice=advice)
    except OSError as error:
        found = f"{error.strerror or error}: {error.filename or ''}"
        return Check(name=name, ok=False, found=found, advice=advice)


def _line(check: Check) -> str:
    """Return a check as one line, and what to do as another."""
    line = f"{'✓' if check.ok else '✗'} {check.name:<13} {check.found}"
    return line if check.ok else f"{line}\n  {'':<13} {check.advice}"


def _declarations() -> str:
    """Return what is declared."""
    declared = deciding.declarations()
    counts = (
        plural(len(declared.instruments), "instrument"),
        plural(len(declared.calendars), "calendar"),
        plural(len(declared.experts), "expert"),
    )
    folder = shown(settings().declarations_dir)
    return f"{', '.join(counts)} in {folder}, digest {declared.digest[:_SHORT]}"


def _governance() -> str:
    """Return what is declared to stop the loop, to be drift, and to be shown before each stage."""
    policies = governing.governing_policies()
    stages = plural(len(policies.roadmap.stages), "stage")
    parts = (policies.safety, policies.drift, policies.roadmap)
    safety, drift, roadmap = (message_digest(part)[:_SHORT] for part in parts)
    return f"safety policy {safety}, drift policy {drift}, roadmap of {stages} {roadmap}"


def _packages() -> str:
    """Return which packages are here, each verified to the last byte, and which are not."""
    store = deciding.package_store()
    references = store.references()
    for reference in references:
        read_regime_model(store.load(reference))
    routers = {instrument.router for instrument in deciding.declarations().instruments}
    missing = sorted(routers - {reference.name for reference in references})
    found = ", ".join(map(str, references)) or "none"
    return f"{found}; defensive weights for {', '.join(missing)}" if missing else found


def _cache() -> str:
    """Return where compiled kernels are kept."""
    folder = deciding.kernel_cache()
    if folder is None:
        fault = deciding.cache_fault()
        raise NotReadyError(found=f"{fault}: every command compiles its kernel anew")
    with machine.trial_folder(folder) as trial:
        (trial / "kernel").write_bytes(b"")
    return f"{shown(folder)} is writable"


def _kernel() -> str:
    """Return which kernel decides, having compared it with its reference."""
    store = deciding.machine_code()
    cached = store is not None and deciding.kernels_are_cached(store)
    kernel = deciding.kernel()
    declared = deciding.declarations()
    compiled, reference = (_decide(one, declared) for one in (kernel, reference_kernel()))
    same_rows = all(compiled.arms[arm].rows == reference.arms[arm].rows for arm in reference.arms)
    if not same_rows or compiled.outcomes.tobytes() != reference.outcomes.tobytes():
        raise NotReadyError(found="the compiled kernel does not decide what its reference decides")
    return (
        f"version {kernel.version}, build {kernel.build[:_SHORT]}, "
        f"{'from the cache' if cached else 'compiled just now'}; on "
        f"{plural(len(compiled.outcomes), 'context')} equal to the reference bit for bit"
    )


def _decide(kernel: DecisionKernel, declared: Declarations) -> Decided:
    """Return what a kernel makes of a walk of two instruments, with the packages that serve."""
    serving = serving_packages(declared, deciding.package_store(), {})
    packages = {name: package.digest for name, package in serving.items()}
    fold = DecisionFold(kernel=kernel, genesis=Genesis(declarations=declared, packages=packages))
    for package in serving.values():
        fold.packages[package.digest] = read_regime_model(package)
    instruments = declared.instruments[:2]
    fold.source_index(_ORIGIN)
    for instrument in instruments:
        fold.symbol_index(instrument.symbol)
    return fold.decide(np.concatenate([_walk(i, one) for i, one in enumerate(instruments)]))


def _walk(index: int, instrument: Instrument) -> npt.NDArray[np.void]:
    """Return a walk of quotes of one instrument, the same on every machine."""
    rows = np.zeros(_WALK, CONTEXT)
    plausible = instrument.plausible
    mid = (float(plausible.price_min) + float(plausible.price_max)) / 2.0
    step_ns = max(instrument.sampling.sample_interval_ms, 1000) * NS_PER_MS
    chance = index + 1
    for place, row in enumerate(rows):
        chance = (chance * 1_103_515_245 + 12_345) % 2**31
        mid *= 1.0 + (chance / 2**31 - 0.5) / 1000.0
        row["symbol"], row["stream"], row["sequence"] = index, Stream.QUOTE, place
        row["receive_ns"] = row["event_ns"] = _START_NS + place * step_ns
        row["bid"], row["ask"] = mid * (1.0 - 1e-5), mid * (1.0 + 1e-5)
        for name in ("bid_size", "ask_size", "last", "last_size"):
            row[name] = np.nan
    return rows


def _disk() -> str:
    """Return how long making something durable takes where logs go."""
    folder = settings().trading_autonomy_artifact_dir
    with machine.trial_folder(folder) as trial:
        times = machine.measure_sync(trial)
    return (
        f"{shown(folder)} is writable; fdatasync of 4 kB: half within "
        f"{times.p50_ns / NS_PER_MS:.2f} ms, 99 % within {times.p99_ns / NS_PER_MS:.2f} ms"
    )


def _log() -> str:
    """Return how a log is kept there; opening one demands what durability needs."""
    with machine.trial_folder(settings().trading_autonomy_artifact_dir) as trial:
        asyncio.run(_try_log(trial / "trial.log"))
    return f"SQLite {machine.environment()['sqlite']}: write-ahead log, synchronous FULL"


async def _try_log(path: Path) -> None:
    """Write an object into a log and read it back."""
    log = logs.writable_log(path)
    try:
        digest = await log.put_object(b"trial")
        if await log.get_object(digest) != b"trial":
            raise NotReadyError(found="a log did not give back what was written")
    finally:
        await log.close()


def _shown_facts(facts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what people ask for first."""
    for name in ("cpu", "python", "numpy", "numba", "fingerprint"):
        yield name, facts[name]


_LOOKS: Final = (
    ("declarations", _declarations, "restore the folders, or set TORGHUT_DECLARATIONS_DIR"),
    ("governance", _governance, "restore governance/policies, or correct the key that is named"),
    ("packages", _packages, "restore router/baselines, or fit anew with torghut router fit"),
    ("cache", _cache, "set TORGHUT_CACHE_DIR to a folder that you, and nobody else, can write"),
    ("kernel", _kernel, "empty the cache folder and try again; if it stays, do not run it here"),
    ("disk", _disk, "set TORGHUT_ARTIFACT_DIR to a folder on a local disk with room"),
    ("log", _log, "set TORGHUT_ARTIFACT_DIR to a folder on a local file system"),
)
