"""Decisions and refusals on a terminal: lists, whole decisions, and why they are what they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import click

from torghut.decisions.explaining.account import BoundAccount, Explanation
from torghut.decisions.explaining.refused import RefusalExplanation
from torghut.decisions.explaining.words import number, signed, span
from torghut.entrypoints.cli.console import print_fields, print_table
from torghut.kernel.canonical import parse_json_object
from torghut.kernel.times import moment
from torghut.schemas.decision import ByExpert, Decision, Freshness

_NONE: Final = "none"
_INDENT: Final = " " * 4


def print_listed(decisions: Sequence[Decision]) -> None:
    """Print one line for each of ``decisions``."""
    columns = {"received": "left", "symbol": "left", "intent": "left", "target": "right"}
    columns |= {"price": "right", "confidence": "right", "failed": "left", "decision": "left"}
    print_table(
        columns,
        [
            (
                moment(one.receive_ns),
                one.symbol,
                one.intent,
                _NONE if one.target_position is None else signed(one.target_position),
                number(one.reference_price),
                number(one.confidence),
                ", ".join(gate.id for gate in one.gates if gate.status == "fail"),
                one.decision_id,
            )
            for one in decisions
        ],
    )


def print_decision(decision: Decision) -> None:
    """Print everything that ``decision`` says."""
    one, unit, currency = decision, decision.unit, decision.currency
    print_fields(
        {
            **_heading(one),
            "stream": f"{one.stream} {one.source_sequence} of its source",
            "times": f"event {moment(one.event_ns)}, received {moment(one.receive_ns)}",
            "quote": f"bid {one.bid!r}, ask {one.ask!r}, mid {one.reference_price!r} {currency}",
            "position": f"{signed(one.position)} {unit}, {one.position_basis} book"
            + ("" if one.position_age_ns is None else f", {span(one.position_age_ns)} old"),
            "limits": f"mode {one.mode}, cap {number(one.notional_cap)} {currency}, "
            f"allotment {number(one.allotment)} {currency}",
            "equity": f"{signed(one.paper_equity)} {currency}, paper book",
            "regime": f"{one.regime or _NONE}; {_shares(one.posterior)}",
            "entropy": f"{_number(one.entropy)}, leaves with {_number(one.transition_probability)}",
            "scores": _by_expert(one.expert_scores),
            "weights": f"{_by_expert(one.router_weights)}; {one.lead_expert} leads",
            "score": f"{_number(one.blended_score)}, deviation {_number(one.disagreement)}",
            "path": one.path + (f", because of {', '.join(one.triggers)}" if one.triggers else ""),
            "reasons": ", ".join(one.reasons) or _NONE,
            "freshness": "\n".join(_freshness(one)),
            "lineage": "\n".join(_lineage(one)),
        }
    )
    print_table(
        {"gate": "left", "status": "left", "value": "right", "passes": "left", "unit": "left"},
        [
            (
                gate.id,
                gate.status,
                _number(gate.value),
                f"{gate.comparator} {number(gate.threshold)}",
                gate.unit,
            )
            for gate in one.gates
        ],
    )


def print_why(decision: Decision, why: Explanation) -> None:
    """Print why ``decision`` is what it is."""
    print_fields(
        {
            **_heading(decision),
            "bound by": "\n".join(_bound(decision, why)),
            **{step.name: step.says for step in why.steps},
        }
    )
    print_table(
        {"gate": "left", "status": "left", "value": "right", "if it fails": "left", "": "left"},
        [
            (
                gate.id,
                gate.status,
                _number(gate.value),
                gate.on_fail,
                f"binds: {gate.flips}" if gate.binds else gate.flips,
            )
            for gate in why.gates
        ],
    )
    for heading, coded in (("reasons", why.reasons), ("asked for advice", why.triggers)):
        if coded:
            click.echo(f"{heading}:")
        for one in coded:
            click.echo(f"{_INDENT}{one.code}: {one.means}")
    click.echo("lineage:")
    for line in _lineage(decision):
        click.echo(f"{_INDENT}{line}")


def print_refusal(rendered: bytes, why: RefusalExplanation) -> None:
    """Print a refused context and the rule that it broke."""
    refused = parse_json_object(rendered)
    receive_ns = int(str(refused["receive_ns"]))
    print_fields(
        {
            "context": str(refused["context_id"]),
            "received": moment(receive_ns) if receive_ns >= 0 else f"{receive_ns} ns",
            "outcome": f"refused, {why.code}: nothing was decided",
            "rule": why.rule + (f"; {why.limit}" if why.limit else ""),
            "found": ", ".join(why.found) or "bytes that were refused while they were decoded",
            "do": why.do,
        }
    )


def _heading(decision: Decision) -> dict[str, str]:
    """Return which decision it is and what was decided."""
    target = decision.target_position
    told: str = decision.intent
    if target is not None and decision.delta is not None:
        told += f", target {signed(target)} {decision.unit} ({signed(decision.delta)})"
    return {
        "decision": decision.decision_id,
        "made": f"{moment(decision.decided_ns)}, valid until {moment(decision.valid_until_ns)}; "
        f"number {decision.sequence} of {decision.symbol}",
        "decided": f"{told}, confidence {number(decision.confidence)}",
    }


def _bound(decision: Decision, why: Explanation) -> Iterator[str]:
    """Yield what held a decision back."""
    if not why.reproduced:
        yield "cannot be told: the row alone does not reproduce the decision"
    elif not why.bound:
        wished = why.target == why.wish
        yield "nothing: it is what the score wished" if wished else "nothing that would change it"
    for one in why.bound:
        if len(one.causes) > 1:
            yield "together, none of them alone:"
        yield from one.flips
        yield f"{_INDENT}{_instead(decision, one)}"
    if why.bound and not why.sure:
        stopped = any(gate.id == "kill-switch" and gate.status == "fail" for gate in why.gates)
        yield "if no order was in flight" + (" and the stop reduces only" if stopped else "")


def _instead(decision: Decision, bound: BoundAccount) -> str:
    """Return what the decision would have been."""
    if bound.instead is None:
        return "then it would abstain all the same"
    return f"then the target would be {signed(bound.instead)} {decision.unit}"


def _freshness(decision: Decision) -> Iterator[str]:
    """Yield the age of each domain."""
    domains: Mapping[str, Freshness] = dict(decision.freshness)
    for name, one in domains.items():
        age = "" if one.age_ns is None else f", {span(one.age_ns)} old"
        limit = "" if one.limit_ns is None else f", limit {span(one.limit_ns)}"
        yield f"{name} {one.status}{age}{limit}"


def _lineage(decision: Decision) -> Iterator[str]:
    """Yield what a decision rests on."""
    one = decision.lineage
    yield f"arm {one.arm}, kernel version {one.kernel_version}"
    yield f"declarations {one.declarations}"
    yield f"package {one.package or _NONE}"
    yield f"last control record {one.control or _NONE}"
    yield f"together {one.digest}"


def _by_expert(values: ByExpert) -> str:
    """Return one number for each expert."""
    return _shares(dict(values))


def _shares(values: Mapping[str, float | None]) -> str:
    """Return numbers with their names."""
    return " · ".join(f"{name} {_number(value)}" for name, value in values.items()) or _NONE


def _number(value: float | None) -> str:
    """Return a number, where there is one."""
    return _NONE if value is None else number(value)
