"""``torghut promotion list`` and ``show``: who serves for each router, and every candidate."""

from __future__ import annotations

import asyncio

import click

from torghut.entrypoints.cli.approval.asking import office
from torghut.entrypoints.cli.console import json_option, print_fields, print_json, print_table
from torghut.governance.ledger.errors import CandidateUnknownError
from torghut.governance.ledger.state import ALIASES, Alias, LedgerState, parse_alias
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode

__all__ = ["list", "show"]


@click.command()
@json_option
def list(*, as_json: bool) -> ExitCode:  # noqa: A001 - the command's name
    """List the routers and programs that have a ledger: who serves, served before and contends."""
    ledgers = asyncio.run(office("torghut promotion list").ledgers())
    if as_json:
        print_json({"routers": [_aliases(router, one) for router, one in ledgers.items()]})
        return ExitCode.YES
    aliases: dict[str, str] = dict.fromkeys(ALIASES, "left")
    sides = {"router": "left", **aliases, "trials": "right"}
    print_table(
        sides,
        [
            [
                router,
                *(_named(one, one.digest_of(alias)) for alias in ALIASES),
                f"{one.trials:,}",
            ]
            for router, one in ledgers.items()
        ],
    )
    return ExitCode.YES


@click.command()
@click.argument("router")
@json_option
def show(router: str, *, as_json: bool) -> ExitCode:
    """Show the ledger of ROUTER, or of a program, program:NAME: its aliases, and every candidate.

    Or only whom an alias names, such as index-daily@champion, @previous or @challenger; ends with 1
    if that is nobody.
    """
    if named := parse_alias(router):
        return _show_alias(*named, as_json=as_json)
    ledger = asyncio.run(office("torghut promotion show").ledger(router))
    if not ledger.candidates:
        raise CandidateUnknownError(expected=f"a ledger of {router}", found="none")
    if as_json:
        print_json({**_aliases(router, ledger), "candidates": _candidates(ledger)})
        return ExitCode.YES
    champion = ledger.champion
    print_fields(
        {
            **{
                f"{router}@{alias}": ledger.digest_of(alias) or "none of the ledger's"
                for alias in ALIASES
            },
            "package": ledger.serving or "none",
            "target": "" if champion is None or champion.digest is None else champion.target,
            "changes": f"{ledger.version:,}",
            "trials": f"{ledger.trials:,}",
        }
    )
    click.echo()
    print_table(
        {"candidate": "left", "digest": "left", "is": "left", "taken back": "right"},
        [
            [known.candidate.candidate_id, digest, known.role, f"{known.rollbacks}"]
            for digest, known in ledger.candidates.items()
        ],
    )
    return ExitCode.YES


def _show_alias(router: str, alias: Alias, *, as_json: bool) -> ExitCode:
    """Print whom an alias names."""
    digest = asyncio.run(office("torghut promotion show").ledger(router)).digest_of(alias)
    if as_json:
        print_json({"alias": f"{router}@{alias}", "candidate": digest})
    else:
        click.echo(digest or "none of the ledger's")
    return ExitCode.NO if digest is None else ExitCode.YES


def _named(ledger: LedgerState, digest: str | None) -> str:
    """Return a candidate as people call it."""
    known = None if digest is None else ledger.candidates.get(digest)
    return "" if known is None else known.candidate.candidate_id


def _aliases(router: str, ledger: LedgerState) -> JsonObject:
    """Return who serves for a router, for machines."""
    champion = ledger.champion
    return {
        "router": router,
        **{f"{router}@{alias}": ledger.digest_of(alias) for alias in ALIASES},
        "package": ledger.serving,
        "target": None if champion is None or champion.digest is None else champion.target,
        "version": ledger.version,
        "trials": ledger.trials,
    }


def _candidates(ledger: LedgerState) -> JsonObject:
    """Return every candidate by its digest, for machines."""
    return {
        digest: {
            "candidate_id": known.candidate.candidate_id,
            "package": known.candidate.package,
            "role": known.role,
            "rollbacks": known.rollbacks,
        }
        for digest, known in ledger.candidates.items()
    }
