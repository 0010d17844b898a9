"""The command itself: prepare, serve, drain."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
from typing_extensions import Unpack

from torghut.composition import machine, standby
from torghut.entrypoints.cli.console import progress, shown
from torghut.entrypoints.cli.program import UnforeseenError
from torghut.entrypoints.cli.run.options import InstantType, SpeedType
from torghut.entrypoints.cli.serve.advising import advised, check_advise, mode_to_begin_with
from torghut.entrypoints.cli.serve.doors import doors
from torghut.entrypoints.cli.serve.feeding import feed_of
from torghut.entrypoints.cli.serve.governing import check_govern, governed
from torghut.entrypoints.cli.serve.options import (
    ListenType,
    LiveSourceType,
    ServeOptions,
    WorkerNameType,
)
from torghut.entrypoints.cli.serve.preparing import PreparedService, prepare
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.units import NS_PER_S
from torghut.schemas.observing.log_events import ServeEnded, ServeReady
from torghut.workflows.live.life import live
from torghut.workflows.running.modes import (
    mode_records,
    reasoning_mode_records,
    router_mode_records,
)

_TRACES_MS: Final = 1_000
"""Longest wait for traces to be exported at the end."""

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--source",
    type=LiveSourceType(),
    default="api:",
    show_default=True,
    help="api:, - (standard input), unix:PATH, or a recorded source; see source check.",
)
@click.option("--log", type=_FILE, help="Log to write; by default named after the source.")
@click.option(
    "--speed", type=SpeedType(), default="1x", show_default=True, help="Of a recorded source."
)
@click.option("--from", "from_", type=InstantType(ends=False), help="Earliest receive time.")
@click.option("--to", type=InstantType(ends=True), help="Latest receive time.")
@click.option(
    "--mode", type=click.Choice(["shadow", "paper", "live"]), help="What decisions may do."
)
@click.option(
    "--router-mode", type=click.Choice(["static", "shadow", "live"]), help="Whose weights."
)
@click.option("--package", multiple=True, metavar="NAME@DIGEST", help="Router package to serve.")
@click.option(
    "--listen",
    type=ListenType(),
    default="127.0.0.1:8787",
    show_default=True,
    help="Where the API listens; port 0 takes any that is free.",
)
@click.option("--listen-unix", type=_FILE, help="Unix socket where the API listens too.")
@click.option(
    "--allow-remote", is_flag=True, help="Let --listen name an address that others can reach."
)
@click.option("--tokens", type=_FILE, help="File of API tokens; made if there is none.")
@click.option(
    "--worker",
    type=WorkerNameType(),
    default="worker-0",
    show_default=True,
    help="Name of this worker.",
)
@click.option("--govern", is_flag=True, help="Run governance's scheduler beside it.")
@click.option(
    "--govern-key",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Ed25519 private key in PEM with which governance signs manifests.",
)
@click.option("--advise", is_flag=True, help="Run the process that asks for advice beside it.")
@click.option("--passages", type=_FILE, help="News and fundamentals, JSON lines, for --advise.")
@click.option(
    "--program", help="Compiled program for --advise: NAME@DIGEST, or NAME@champion as promoted."
)
@click.option(
    "--reasoning-mode",
    type=click.Choice(["off", "shadow", "active"]),
    help="Whether advice counts.",
)
@click.option("--until-end", is_flag=True, help="End with the source instead of serving on.")
def serve(**options: Unpack[ServeOptions]) -> ExitCode:
    """Decide contexts as they come, durably, and tell everybody who listens.

    SIGTERM and Ctrl-C take nothing new, decide what waits, and end within the declared budget.
    Whatever ends the process, what was told is durable, and the next start goes on after it.

    With --govern the scheduler of governance (torghut scheduler run) runs over the same log in a
    process of its own. Its death never hurts the loop; it is started again, and ends with the
    service. With --advise so does a process that asks the endpoint of TORGHUT_REASONING_ENDPOINT.
    """
    check_govern(options)
    check_advise(options)
    options["reasoning_mode"] = mode_to_begin_with(options["reasoning_mode"])
    with progress() as told, machine.end_on_terminate():
        prepared = prepare(options, told)
    machine.run_service(_serve(options, prepared))
    return ExitCode.YES


async def _serve(options: ServeOptions, prepared: PreparedService) -> None:
    """Serve until asked to stop."""
    worker = prepared.worker
    ended: Exception | None = None
    try:
        with machine.stop_on_signals() as stopping:
            await worker.begin()
            feed = await feed_of(options, prepared, stopping)
            _ask_for_modes(options, prepared)
            async with doors(options, prepared) as addresses:
                machine.keep_for_good()
                _say_where(options, prepared, addresses)
                async with (
                    governed(options, prepared, stopping),
                    advised(options, prepared, stopping),
                ):
                    await live(worker, feed, stopping.asked, until_end=options["until_end"])
    except Exception as error:
        ended = error
        if not isinstance(error, TorghutError):
            worker.witness.failed("serve", error)
        raise
    finally:
        _say_ended(prepared, ended)
        await prepared.tracer.close(_TRACES_MS)
        await prepared.keeper.close()
        prepared.page.close()


def _say_where(options: ServeOptions, prepared: PreparedService, addresses: Sequence[str]) -> None:
    """Say what is served, and where."""
    click.echo(f"serving  {options['source'].text} into {shown(prepared.log)}")
    for address in addresses:
        click.echo(f"api      {address}")
    click.echo(f"tokens   {shown(prepared.tokens)}")
    click.echo("try      torghut status")
    newest, begun_ns = prepared.worker.loop.outcomes.newest, prepared.begun_ns
    prepared.journal.say(
        ServeReady(
            position="" if newest is None else str(newest),
            symbols=len(prepared.declared.by_symbol),
            api=addresses[0],
            start_seconds=(standby.steady_clock().now_ns() - begun_ns) / NS_PER_S,
        )
    )


def _say_ended(prepared: PreparedService, error: Exception | None) -> None:
    """Write the last line of the service's own log."""
    found = error if error is None or isinstance(error, TorghutError) else UnforeseenError(error)
    prepared.journal.say(
        ServeEnded(
            exit_code=0 if found is None else int(found.exit_code),
            error_code="" if found is None else found.code,
            waiting=len(prepared.worker.loop.line),
        )
    )


def _ask_for_modes(options: ServeOptions, prepared: PreparedService) -> None:
    """Put the modes that were asked for in force before the first context."""
    loop = prepared.worker.loop
    symbols, number = sorted(prepared.declared.by_symbol), loop.head.number
    prepared.worker.record_first(
        [
            *mode_records(loop.fold, symbols, options["mode"], number=number),
            *router_mode_records(loop.fold, symbols, options["router_mode"], number=number),
            *reasoning_mode_records(loop.fold, symbols, options["reasoning_mode"], number=number),
        ]
    )
