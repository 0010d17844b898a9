"""The command itself: prepare, join, decide, give back."""

from __future__ import annotations

from pathlib import Path
from typing import Final, get_args

import click
from typing_extensions import Unpack

from torghut.composition import machine, serving, standby
from torghut.composition.working import ReadyWorker, Runtime
from torghut.entrypoints.api.health import health
from torghut.entrypoints.cli.broker_options import answer_budget_option, bootstrap_option
from torghut.entrypoints.cli.carrying.options import WorkerOptions
from torghut.entrypoints.cli.carrying.preparing import prepare
from torghut.entrypoints.cli.console import progress
from torghut.entrypoints.cli.serve.options import ListenType, WorkerNameType
from torghut.kernel.errors import ExitCode
from torghut.workflows.carrying.gauges import show_member

_FILE: Final = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option(
    "--runtime",
    type=click.Choice(get_args(Runtime)),
    default="aiokafka",
    show_default=True,
    help="What reads the contexts; faust is for teams that run it, and is slower.",
)
@bootstrap_option
@click.option(
    "--log",
    required=True,
    metavar="URL",
    help="Log of all workers: postgresql://USER@HOST/DATABASE.",
)
@click.option(
    "--group", default="torghut", show_default=True, help="Name that all workers of a log share."
)
@click.option(
    "--worker",
    type=WorkerNameType(),
    default="worker-0",
    show_default=True,
    help="Name of this worker, which no other has.",
)
@click.option("--package", multiple=True, metavar="NAME@DIGEST", help="Router package to serve.")
@click.option(
    "--advice",
    type=_FILE,
    metavar="SOCKET",
    help="Of torghut reasoning serve, which all workers of a machine may share.",
)
@click.option(
    "--listen",
    type=ListenType(),
    default="127.0.0.1:8788",
    show_default=True,
    help="Where /healthz, /readyz and /metrics are; port 0 takes any that is free.",
)
@click.option(
    "--allow-remote", is_flag=True, help="Let --listen name an address that others can reach."
)
@click.option("--tokens", type=_FILE, help="File of tokens for /metrics; made if there is none.")
@answer_budget_option
def worker(**options: Unpack[WorkerOptions]) -> ExitCode:
    """Decide the partitions of market context that the group gives this worker.

    Add workers by starting them. SIGTERM and Ctrl-C decide what waits, publish it, and give the
    partitions back within the declared budget; whatever else ends a worker, others take its
    partitions up where the log ends.
    """
    machine.run_service(_work(options))
    return ExitCode.YES


async def _work(options: WorkerOptions) -> None:
    """Work until asked to stop."""
    with machine.stop_on_signals() as stopping:
        with progress() as told:
            ready = await prepare(options, told)
        try:
            await _joined(options, ready, stopping)
        finally:
            await ready.close()


async def _joined(options: WorkerOptions, ready: ReadyWorker, stopping: machine.Stopping) -> None:
    """Be a member of the group, and say how that stands to who asks."""
    tokens = options["tokens"] or standby.token_file()
    gate = serving.gatekeeper(tokens, ready.policy, ready.journal)
    app = health(ready.worker.unready, metrics=ready.metrics.text, gate=gate)
    ready.metrics.before_reading(lambda: show_member(ready.metrics, ready.worker))
    async with serving.serve_http(
        app,
        listen=str(options["listen"]),
        policy=ready.policy,
        anywhere=options["allow_remote"],
        let_go=lambda _: None,
    ) as address:
        click.echo(f"worker   {options['worker']} of the group {options['group']}")
        click.echo(f"health   {address}/readyz")
        await ready.run(stopping.asked)
