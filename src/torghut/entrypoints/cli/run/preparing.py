"""Everything that a run needs before its log is opened, read and checked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut import bootstrap
from torghut.artifacts.package import Package, PackageReference, parse_reference
from torghut.entrypoints.cli.console import Progress, stamp
from torghut.entrypoints.cli.controls import read_controls
from torghut.entrypoints.cli.run.options import Options
from torghut.kernel.digests import sha256_hex
from torghut.market.ports import Source
from torghut.schemas.control import ControlRecord, PackageChanged
from torghut.settings import settings
from torghut.workflows.opening import Setup

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Everything that a run needs before its log is opened."""

    source: Source
    setup: Setup
    records: Sequence[ControlRecord]
    packages: Sequence[Package]
    log: Path
    aside: Path | None
    page: Path | None


def prepare(options: Options, told: Progress) -> Prepared:
    """Read everything that a run needs; the log is set aside last, if at all."""
    told.stage("Taking digests of the source's files")
    declared = bootstrap.declarations()
    store = bootstrap.package_store()
    chosen = {one.name: one for one in map(parse_reference, options["package"])}
    serving = bootstrap.serving_packages(
        declared, store, {name: one.digest for name, one in chosen.items()}
    )
    records: Sequence[ControlRecord] = ()
    if options["control"] is not None:
        references = store.references()
        records = read_controls(
            options["control"], declared, lambda digest: _named(references, digest) is not None
        )
    cited = [record.package for record in records if isinstance(record, PackageChanged)]
    packages = [
        store.load(PackageReference(name=found.name, digest=digest))
        for digest in cited
        if digest and (found := _named(store.references(), digest))
    ]
    source = bootstrap.source(options["source"], declared)
    told.stage("Loading the decision kernel; compiled once for each build")
    kernel = bootstrap.kernel()
    log = options["log"] or _default_log(options["source"], source)
    return Prepared(
        source=source,
        setup=Setup(
            kernel=kernel,
            declarations=declared,
            packages=serving,
            shadow_router=options["router_mode"] == "shadow",
        ),
        records=records,
        packages=packages,
        log=log,
        aside=bootstrap.set_log_aside(log, stamp(bootstrap.wall_clock().now_ns()))
        if options["fresh"]
        else None,
        page=None if options["no_report"] else options["report"] or _beside(log, ".html"),
    )


def _default_log(uri: str, source: Source) -> Path:
    """Return where the log of a source goes: named after it and its content."""
    digests = "\n".join(part.digest for part in source.description.parts)
    name = _UNSAFE.sub("-", uri.partition("?")[0].rstrip("/").rpartition("/")[2]).strip("-")
    folder = settings().trading_autonomy_artifact_dir / "logs"
    return folder / f"{name.lower() or 'source'}-{sha256_hex(digests.encode())[:8]}.log"


def _named(references: Sequence[PackageReference], digest: str) -> PackageReference | None:
    """Return the package that a digest names, if it is here."""
    return next((one for one in references if digest.startswith(one.digest)), None)


def _beside(log: Path, suffix: str) -> Path:
    """Return the path of what belongs to a log."""
    return log.with_name(log.name + suffix)
