"""Governance beside a service: what was asked for is checked, and its process kept running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from torghut.composition import machine, serving, standby
from torghut.entrypoints.cli.scheduler.signing import read_signing_key
from torghut.entrypoints.cli.serve.options import ServeOptions, SourceKind
from torghut.entrypoints.cli.serve.preparing import PreparedService
from torghut.workflows.live.beside.keeping import GOVERNANCE, Companionship


def check_govern(options: ServeOptions) -> None:
    """Check what was asked for, before anything begins, and say where nobody knows the key.

    Raises:
        click.UsageError: A key without governance, or governance over recorded data.
        KeyUnusableError: The key is none.
    """
    key = options["govern_key"]
    if key is not None and not options["govern"]:
        message = "--govern-key: expected --govern beside it"
        raise click.UsageError(message)
    if options["govern"] and options["source"].kind is SourceKind.RECORDED:
        message = (
            "--govern: expected a live source, found recorded data, whose times are not now; "
            "use torghut scheduler run --simulate-clock over its log"
        )
        raise click.UsageError(message)
    if key is not None:
        read_signing_key(key)


@asynccontextmanager
async def governed(
    options: ServeOptions, prepared: PreparedService, stopping: machine.Stopping
) -> AsyncIterator[None]:
    """Keep governance running beside what the block does, if it was asked for.

    At the end of the block, however that came, it has ended as well.
    """
    if not options["govern"]:
        yield
        return
    beside = Companionship(
        start=serving.scheduler_beside(prepared.log, options["govern_key"], prepared.tokens),
        kind=GOVERNANCE,
        steady=standby.steady_clock(),
        journal=prepared.journal,
        telemetry=prepared.metrics,
        drain_ms=prepared.policy.loop.drain_ms,
    )
    keeping = asyncio.ensure_future(beside.keep(stopping.asked))
    try:
        yield
    finally:
        stopping.asked.set()
        (defect,) = await asyncio.gather(keeping, return_exceptions=True)
        if isinstance(defect, Exception):
            prepared.worker.witness.failed("governance", defect)
