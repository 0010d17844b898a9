"""What became of one context, rendered and explained with what was in force then."""

from __future__ import annotations

from dataclasses import dataclass

from torghut.decisions.explaining.account import Explanation, explain
from torghut.decisions.explaining.refused import RefusalExplanation, explain_refusal
from torghut.eventlog.ports import DecisionLog
from torghut.workflows.lookup.finding import DecisionFound, RefusalFound, run_id_of
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.lookup.refusals import refusal_json


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionAccount:
    """A decision, published and explained.

    Attributes:
        rendered: As published JSON.
    """

    found: DecisionFound
    rendered: bytes
    why: Explanation


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalAccount:
    """A refusal, published and explained.

    Attributes:
        rendered: As published JSON.
    """

    found: RefusalFound
    rendered: bytes
    why: RefusalExplanation


async def account_for(
    log: DecisionLog, found: DecisionFound | RefusalFound
) -> DecisionAccount | RefusalAccount:
    """Return ``found`` with its published form and its explanation.

    Raises:
        ObjectMissingError: The log does not keep what it cites.
        RowUnrenderableError: The row is not what its layout, symbol or lineage allow.
    """
    if isinstance(found, RefusalFound):
        return await _refusal(log, found)
    rules = Rulebook(log, run_id=await run_id_of(log, found.partition))
    lineage = found.lineage
    held = await rules.in_force(found.symbol, lineage.declarations, lineage.package)
    context = await rules.rendering(found.symbol, lineage)
    rendered = await rules.render(found)
    why = explain(found.row, context, held.declarations.gates, held.parameters, held.sessions)
    return DecisionAccount(found=found, rendered=rendered, why=why)


async def _refusal(log: DecisionLog, found: RefusalFound) -> RefusalAccount:
    """Return a refusal with its published form and the rule that it broke."""
    parameters = None
    if found.declarations:
        rules = Rulebook(log, run_id="")
        declared = await rules.declarations(found.declarations)
        if found.symbol in declared.by_symbol:
            held = await rules.in_force(found.symbol, found.declarations, "")
            parameters = held.parameters
    return RefusalAccount(
        found=found,
        rendered=refusal_json(found.context, found.code, symbol=found.symbol, source=found.source),
        why=explain_refusal(found.context, found.code, parameters),
    )
