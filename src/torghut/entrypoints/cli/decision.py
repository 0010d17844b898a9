"""``torghut decision``: list and show decisions, say why, prove them, and verify proofs."""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypedDict

import click
import msgspec
from typing_extensions import Unpack

from torghut.composition import machine
from torghut.composition.logs import LogPlace
from torghut.entrypoints.cli.console import json_option, print_fields, print_json, shown
from torghut.entrypoints.cli.lookup.accounts import (
    print_decision,
    print_listed,
    print_refusal,
    print_why,
)
from torghut.entrypoints.cli.lookup.asking import Asked, check_asked, find_asked, one_decision
from torghut.entrypoints.cli.lookup.reading import FILE, place_option, read_log
from torghut.entrypoints.cli.lookup.times import TimeType
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.canonical import JsonObject, parse_json_object
from torghut.kernel.errors import ExitCode
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Intent, published_name
from torghut.schemas.decision import Decision
from torghut.schemas.rows import INT64_LAST_NS
from torghut.workflows.lookup.account import DecisionAccount, RefusalAccount, account_for
from torghut.workflows.lookup.errors import ContextRefusedError
from torghut.workflows.lookup.finding import RefusalFound, Selection, run_id_of, select_last
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.lookup.proof import prove as make_proof
from torghut.workflows.lookup.scanning import Scanning

__all__ = ["list", "prove", "show", "why"]

_INTENTS: Final = {published_name(intent): intent for intent in Intent}


class _Listed(TypedDict):
    """What ``list`` was asked for."""

    log_path: LogPlace
    symbol: str
    intent: str | None
    from_ns: int
    to_ns: int
    last: int
    arm: str
    as_json: bool


class _Shown(Asked):
    """What ``show`` and ``why`` were asked for."""

    as_json: bool


class _Proven(Asked):
    """What ``prove`` was asked for."""

    out: Path
    as_json: bool


@click.command()
@place_option
@click.option("--symbol", default="", help="Of this symbol.")
@click.option("--intent", type=click.Choice([*_INTENTS]), help="With this intent.")
@click.option("--from", "from_ns", type=TimeType(), default=0, help="Earliest receive time.")
@click.option("--to", "to_ns", type=TimeType(ends=True), default=INT64_LAST_NS, help="Latest.")
@click.option(
    "--last", type=click.IntRange(min=1), default=20, show_default=True, help="How many at most."
)
@click.option("--arm", default=SERVING, show_default=True, help="Serving, or a shadow.")
@json_option
def list(**asked: Unpack[_Listed]) -> ExitCode:  # noqa: A001 - the command's name
    """List the last decisions, the newest last; `log export` writes all of them."""
    selection = Selection(
        arm=asked["arm"],
        symbol=asked["symbol"],
        intent=None if asked["intent"] is None else _INTENTS[asked["intent"]],
        from_ns=asked["from_ns"],
        to_ns=asked["to_ns"],
    )

    async def work(log: DecisionLog, _progress: Scanning) -> tuple[bytes, ...]:
        rules = Rulebook(log, run_id=await run_id_of(log))
        found = await select_last(log, selection, asked["last"])
        return tuple([await rules.render(one) for one in found])

    rendered = read_log(asked["log_path"], "Looking for decisions", work)
    if asked["as_json"]:
        print_json({"decisions": [parse_json_object(one) for one in rendered]})
    elif rendered:
        print_listed([Decision.model_validate_json(one) for one in rendered])
    else:
        click.echo(f"none: {selection}")
    return ExitCode.YES


@click.command()
@one_decision
@json_option
def show(**asked: Unpack[_Shown]) -> ExitCode:
    """Show one decision whole, or the refusal of its context.

    ID is a decision's or a context's id.
    """
    check_asked(asked)
    account = _account(asked)
    if asked["as_json"]:
        print_json(parse_json_object(account.rendered))
    elif isinstance(account, RefusalAccount):
        print_refusal(account.rendered, account.why)
    else:
        print_decision(Decision.model_validate_json(account.rendered))
    return ExitCode.YES


@click.command()
@one_decision
@json_option
def why(**asked: Unpack[_Shown]) -> ExitCode:
    """Explain one decision: what bound it and what would flip it, and how it came about.

    ID is a decision's or a context's id; of a refused context, the rule it broke.
    """
    check_asked(asked)
    account = _account(asked)
    if asked["as_json"]:
        print_json(_why_json(account))
    elif isinstance(account, RefusalAccount):
        print_refusal(account.rendered, account.why)
    else:
        print_why(Decision.model_validate_json(account.rendered), account.why)
    return ExitCode.YES


@click.command()
@one_decision
@click.option("--out", type=FILE, required=True, help="File to write the proof into.")
@json_option
def prove(**asked: Unpack[_Proven]) -> ExitCode:
    """Write a proof of one decision that verifies without the log, against the run's root."""
    check_asked(asked)

    async def work(log: DecisionLog, progress: Scanning) -> tuple[str, bytes]:
        found = await find_asked(log, asked, progress)
        if isinstance(found, RefusalFound):
            raise ContextRefusedError(code=found.code.code)
        rules = Rulebook(log, run_id=await run_id_of(log, found.partition))
        rendered = parse_json_object(await rules.render(found))
        decision_id = str(rendered["decision_id"])
        return decision_id, await make_proof(log, found, decision_id=decision_id, progress=progress)

    decision_id, body = read_log(asked["log_path"], "Gathering the proof", work)
    machine.write_text(asked["out"], body.decode())
    root = str(parse_json_object(body)["run_root"])
    if asked["as_json"]:
        print_json({"decision_id": decision_id, "run_root": root, "file": str(asked["out"])})
    else:
        file = shown(asked["out"])
        check = f"torghut decision verify {file} --root {root}"
        print_fields({"decision": decision_id, "root": root, "file": file, "check": check})
    return ExitCode.YES


def _account(asked: Asked) -> DecisionAccount | RefusalAccount:
    """Return what is asked for, explained."""

    async def work(log: DecisionLog, progress: Scanning) -> DecisionAccount | RefusalAccount:
        return await account_for(log, await find_asked(log, asked, progress))

    return read_log(asked["log_path"], "Looking for the decision", work)


def _why_json(account: DecisionAccount | RefusalAccount) -> JsonObject:
    """Return an explanation for machines."""
    found = account.found
    place: dict[str, int] = {"partition": found.partition, "block": found.block}
    if isinstance(account, DecisionAccount):
        place["row"] = account.found.place
    return {
        "outcome": parse_json_object(account.rendered),
        "why": msgspec.to_builtins(account.why),
        "log": place,
    }
