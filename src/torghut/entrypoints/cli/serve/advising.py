"""Advice beside a service: what was asked for is checked, and its process kept running."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click

from torghut.composition import deciding, governing, machine, standby
from torghut.composition.advice import inquiring, packages
from torghut.composition.advice.advisor import advisor_at
from torghut.composition.advice.settings import EndpointAccess, endpoint_access
from torghut.entrypoints.cli.reasoning.programs.asking import check_live, load_program
from torghut.entrypoints.cli.serve.options import ServeOptions
from torghut.entrypoints.cli.serve.preparing import PreparedService
from torghut.kernel.errors import TorghutError
from torghut.schemas.control import ReasoningModeName
from torghut.settings import artifact_dir
from torghut.workflows.live.beside.keeping import REASONING, Companionship
from torghut.workflows.staging.capping import reasoning_allowed
from torghut.workflows.streams import Streams


def check_advise(options: ServeOptions) -> None:
    """Check what was asked for, before anything begins.

    Raises:
        click.UsageError: Nothing is declared of advice that is asked for.
        EndpointSettingError: The environment does not say where the endpoint is.
        LedgerError: The ledger names nobody by the alias that was typed, or no approval proves it.
        PackageMissingError: There is no such program.
        PackageAlteredError: It is not as it was written.
        AdviceProgramInvalidError: It cannot be served here, or not for this model.
    """
    if options["advise"]:
        _check_program(options, endpoint_access())
    if options["reasoning_mode"] in {"shadow", "active"}:
        declared = deciding.declarations().reasoning
        if declared.bounds is None or declared.asking is None:
            message = (
                f"--reasoning-mode {options['reasoning_mode']}: "
                "expected bounds and asking in reasoning.yaml"
            )
            raise click.UsageError(message)


def _check_program(options: ServeOptions, access: EndpointAccess) -> None:
    """Refuse a program that could not be served, before its process is started again and again."""
    if options["program"] is None:
        return
    package = load_program(options["program"], None)
    packages.program_for(package, access.model)
    if options["mode"] == "live" and options["reasoning_mode"] not in {"off", "shadow"}:
        check_live(package)


def mode_to_begin_with(asked: ReasoningModeName | None) -> ReasoningModeName | None:
    """Return the reasoning mode that was asked for, or less where the stage allows no more.

    No loop is kept from starting by it. Where governance below the artifact folder cannot be read
    nobody knows what is allowed, and advice is off.
    """
    if asked in {None, "off"}:
        return asked
    try:
        roadmap = governing.stage_policies().roadmap
        streams = Streams(governing.governance_events(artifact_dir()))
        allowed = asyncio.run(reasoning_allowed(streams, roadmap))
    except TorghutError as error:
        click.echo(f"reasoning mode off, not {asked}: {error.code}: {error}", err=True)
        return "off"
    if allowed is None or asked is None or allowed.allows(asked):
        return asked
    stage = f"stage {allowed.stage}, {allowed.name}"
    click.echo(f"reasoning mode {allowed.mode}, not {asked}: {stage}, allows no more", err=True)
    return allowed.mode


@asynccontextmanager
async def advised(
    options: ServeOptions, prepared: PreparedService, stopping: machine.Stopping
) -> AsyncIterator[None]:
    """Keep the process that asks running beside what the block does, if it was asked for.

    Until it listens, and whenever it is gone, every question is answered with that.
    """
    if not options["advise"]:
        yield
        return
    with inquiring.socket_place() as socket:
        advisor = advisor_at(socket, prepared.metrics)
        prepared.worker.loop.awaiting.advisor = advisor
        beside = Companionship(
            start=inquiring.reasoning_beside(socket, options["passages"], options["program"]),
            kind=REASONING,
            steady=standby.steady_clock(),
            journal=prepared.journal,
            telemetry=prepared.metrics,
            drain_ms=prepared.policy.loop.drain_ms,
        )
        keeping = asyncio.ensure_future(beside.keep(stopping.asked))
        asking = asyncio.ensure_future(advisor.run())
        try:
            yield
        finally:
            stopping.asked.set()
            asking.cancel()
            defects = await asyncio.gather(keeping, asking, return_exceptions=True)
            for defect in defects:
                if isinstance(defect, Exception):
                    prepared.worker.witness.failed("reasoning", defect)
