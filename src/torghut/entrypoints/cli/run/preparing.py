"""Everything that a run needs before its log is opened, read and checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from torghut.artifacts.package import Package, PackageReference, parse_reference
from torghut.artifacts.ports import PackageStore
from torghut.composition import deciding, logs, standby
from torghut.composition.logs import Address, LogPlace
from torghut.entrypoints.cli.console import Progress, stamp
from torghut.entrypoints.cli.controls import read_controls
from torghut.entrypoints.cli.run.options import Options
from torghut.kernel.digests import sha256_hex
from torghut.market.ports import Source
from torghut.schemas.control import PackageChanged
from torghut.settings import settings
from torghut.workflows.opening import Setup
from torghut.workflows.running.controls import Offered, judge_for_new_log
from torghut.workflows.running.serving import serving_packages

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything that a run needs before its log is opened."""

    source: Source
    setup: Setup
    offered: Sequence[Offered]
    packages: Sequence[Package]
    log: LogPlace
    aside: Path | None
    page: Path | None


def prepare(options: Options, told: Progress) -> Prepared:
    """Read everything that a run needs; the log is set aside last, if at all.

    Control records are judged here where there is no log yet, so that none is made in vain.
    """
    told.stage("Taking digests of the source's files")
    declared = deciding.declarations()
    store = deciding.package_store()
    chosen = {one.name: one for one in map(parse_reference, options["package"])}
    serving = serving_packages(declared, store, {name: one.digest for name, one in chosen.items()})
    offered = [] if options["control"] is None else read_controls(options["control"])
    packages = _cited(store, offered)
    source = deciding.source(options["source"], declared)
    told.stage("Loading the decision kernel; compiled once for each build")
    kernel = deciding.kernel()
    log = options["log"] or default_log(options["source"], source)
    setup = Setup(
        kernel=kernel,
        declarations=declared,
        packages=serving,
        shadow_router=options["router_mode"] == "shadow",
    )
    if options["fresh"] or (isinstance(log, Path) and not log.exists()):
        judge_for_new_log(setup, packages, offered)
    return Prepared(
        source=source,
        setup=setup,
        offered=offered,
        packages=packages,
        log=log,
        aside=_set_aside(log) if options["fresh"] else None,
        page=None if options["no_report"] else options["report"] or _page_of(log),
    )


def default_log(uri: str, source: Source) -> Path:
    """Return where the log of a source goes: named after it and its content."""
    digests = "\n".join(part.digest for part in source.description.parts)
    name = _UNSAFE.sub("-", uri.partition("?")[0].rstrip("/").rpartition("/")[2]).strip("-")
    folder = settings().trading_autonomy_artifact_dir / "logs"
    return folder / f"{name.lower() or 'source'}-{sha256_hex(digests.encode())[:8]}.log"


def _cited(store: PackageStore, offered: Sequence[Offered]) -> Sequence[Package]:
    """Return the packages that control records name, as far as they are here."""
    records = [one.record for one in offered]
    digests = {one.package for one in records if isinstance(one, PackageChanged) and one.package}
    references = store.references() if digests else ()
    return [
        store.load(PackageReference(name=one.name, digest=digest))
        for digest in sorted(digests)
        for one in references
        if digest.startswith(one.digest)
    ]


def _set_aside(log: LogPlace) -> Path | None:
    """Set an existing log aside and return where it is now.

    Raises:
        click.UsageError: It is in a database.
    """
    if isinstance(log, Address):
        message = "a log in a database is not set aside: name another, or leave out --fresh"
        raise click.UsageError(message)
    return logs.set_log_aside(log, stamp(standby.wall_clock().now_ns()))


def _page_of(log: LogPlace) -> Path:
    """Return where the page of a run goes: beside its log, or among those of this machine."""
    if isinstance(log, Address):
        name = _UNSAFE.sub("-", log.name).strip("-").lower() or "database"
        return settings().trading_autonomy_artifact_dir / "logs" / f"{name}.html"
    return log.with_name(f"{log.name}.html")
