"""A stand-in for a model: its answers follow fixed rules, or it fails as it is told to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TypedDict

import click
from typing_extensions import Unpack, override

from torghut.composition import machine
from torghut.composition.advice import inquiring
from torghut.entrypoints.cli.console import print_table
from torghut.kernel.errors import ExitCode, TorghutError


class ScriptType(click.ParamType):
    """Faults such as ``good,slow:200*3,reset``, or ``@FILE``."""

    name = "script"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> inquiring.Script:
        if isinstance(value, inquiring.Script):
            return value
        try:
            return inquiring.script_of(str(value))
        except (TorghutError, OSError) as error:
            self.fail(str(error), param, ctx)


class FakeOptions(TypedDict):
    """What was typed."""

    script: inquiring.Script
    host: str
    port: int
    certificate: Path | None
    faults: bool


@click.command()
@click.option(
    "--script",
    type=ScriptType(),
    default="good",
    show_default=True,
    metavar="FAULTS|@FILE",
    help="What is done with each request, over and over: good,slow:200*3,veto:500,reset.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8788, show_default=True, help="0: any."
)
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="PEM file with key and certificate, to speak TLS.",
)
@click.option("--faults", is_flag=True, help="List every fault, and end.")
def fake(**options: Unpack[FakeOptions]) -> ExitCode:
    """Stand in for a model's endpoint until asked to stop.

    A good answer is the local specialist's: fixed rules over what is shown, and no model. All else
    is a fault, each of which a client has to survive. At the end it says what it did.
    """
    if options["faults"]:
        for name in sorted(inquiring.FAULTS):
            click.echo(name)
        return ExitCode.YES
    with machine.end_on_terminate():
        machine.run_service(_serve(options))
    return ExitCode.YES


async def _serve(options: FakeOptions) -> None:
    """Serve until asked to stop."""
    async with inquiring.fake_endpoint(
        options["script"],
        host=options["host"],
        port=options["port"],
        certificate=options["certificate"],
    ) as served:
        click.echo(f"endpoint  {served.url}")
        with machine.stop_on_signals() as stopping:
            await stopping.asked.wait()
    counts = Counter(served.requests)
    rows = [(name, f"{count:,}") for name, count in sorted(counts.items())]
    print_table({"answered": "left", "times": "right"}, rows)
    click.echo(f"at most {served.most_at_once:,} at once, {served.unauthorised:,} without a token")
