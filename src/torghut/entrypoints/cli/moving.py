"""``torghut log upgrade``: bring a database's layout up to this version's."""

from __future__ import annotations

import click

from torghut import bootstrap
from torghut.bootstrap import Address, LogPlace
from torghut.entrypoints.cli.console import json_option, print_json
from torghut.entrypoints.cli.lookup.reading import place_option
from torghut.kernel.errors import ExitCode


@click.command()
@place_option
@json_option
def upgrade(*, log_path: LogPlace, as_json: bool) -> ExitCode:
    """Bring the layout of a log in a database up to this version's.

    End all writers first, and have a copy at hand. Ends with 1 if there was nothing to do.
    """
    if not isinstance(log_path, Address):
        message = "a log in a file is upgraded when it is opened; name a database"
        raise click.UsageError(message)
    before, after = bootstrap.upgrade_log(log_path)
    if as_json:
        print_json({"before": before, "after": after})
    else:
        click.echo(
            f"layout {after} already: nothing was changed"
            if before == after
            else f"layout {before} became {after}"
        )
    return ExitCode.NO if before == after else ExitCode.YES
