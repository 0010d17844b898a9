"""``torghut reasoning status``: how the breaker stands, and what is left of the hour."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

import click

from torghut.composition import deciding, standby
from torghut.composition.advice.ledger import asking_events, asking_policy
from torghut.entrypoints.cli.console import ago, json_option, plural, print_fields, print_json
from torghut.entrypoints.cli.reasoning.terms import asking_terms
from torghut.kernel.canonical import JsonObject
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.kernel.units import NS_PER_S
from torghut.reasoning.ledger import AskingPolicy
from torghut.workflows.reasoning.ledger import AskingStands, asking_stands

_PRICED: Final = 1_000_000
"""Tokens that a declared price is of."""


@click.command()
@json_option
def status(*, as_json: bool) -> ExitCode:
    """Say how the circuit breaker stands and what is left of the hour, as it is on record.

    It is read from the ledger among the artifacts, whether or not somebody asks right now. Ends
    with 1 where nobody would be asked: the breaker is open, or the hour's calls or tokens are
    spent.
    """
    terms = asking_terms(deciding.declarations())
    policy = asking_policy(terms)
    now_ns = standby.wall_clock().now_ns()
    stands = asyncio.run(asking_stands(asking_events()))
    calls, tokens = stands.state.counted(now_ns)
    left = max(0, policy.calls_per_hour - calls), max(0, policy.tokens_per_hour - tokens)
    breaker = stands.state.breaker
    waits = breaker.state == "half-open" or (breaker.state == "open" and now_ns < breaker.until_ns)
    able = not waits and left[0] > 0 and left[1] >= policy.tokens_per_question
    cost = _cost(terms.usd_per_million_tokens, hour=tokens, day=stands.state.tokens)
    if as_json:
        print_json({**_as_json(stands, policy, left), "cost": cost})
    else:
        print_fields({**_fields(stands, policy, left, now_ns), "cost": _cost_told(cost)})
    return ExitCode.YES if able else ExitCode.NO


def _cost(usd_per_million: Decimal | None, *, hour: int, day: int) -> JsonObject | None:
    """Return what tokens cost; None where no price is declared.

    Args:
        usd_per_million: The price.
        hour: Tokens of the hour, reserved ones too.
        day: Tokens of the day, as far as they are known.
    """
    if usd_per_million is None:
        return None
    price = usd_per_million / _PRICED
    return {"hour_usd": f"{hour * price:.6f}", "day_usd": f"{day * price:.6f}"}


def _cost_told(cost: JsonObject | None) -> str:
    """Return what tokens cost, for people."""
    if cost is None:
        return "not known: no price is declared"
    return f"at most {cost['hour_usd']} USD of this hour, {cost['day_usd']} USD of this day"


def _fields(
    stands: AskingStands, policy: AskingPolicy, left: tuple[int, int], now_ns: int
) -> Mapping[str, str]:
    """Return how it stands, for people."""
    state, last = stands.state, stands.last_change
    breaker: str = state.breaker.state
    if breaker == "open":
        wait_s = max(0, state.breaker.until_ns - now_ns) / NS_PER_S
        breaker += f", one call may try in {wait_s:.0f} s" if wait_s else ", one call may try"
    if last is not None:
        why = f" after {last.code}" if last.code else ""
        breaker += f"\n{last.before} to {last.after} {ago(now_ns - last.at_ns)}{why}"
    said = ", ".join(f"{count:,} {what}" for what, count in sorted(state.resolved.items()))
    return {
        "breaker": breaker,
        "questions": f"{left[0]:,} of {policy.calls_per_hour:,} left of this hour",
        "tokens": f"{left[1]:,} of {policy.tokens_per_hour:,} left of this hour",
        "under way": plural(len(state.under_way), "question"),
        "this day": f"{state.tokens:,} tokens" + (f"\n{said}" if said else ""),
        "last asked": instant(state.at_ns) if stands.version else "never",
    }


def _as_json(stands: AskingStands, policy: AskingPolicy, left: tuple[int, int]) -> JsonObject:
    """Return how it stands, for machines."""
    state, last = stands.state, stands.last_change
    return {
        "breaker": {
            "state": state.breaker.state,
            "failures": state.breaker.failures,
            "until_ns": str(state.breaker.until_ns),
            "changed_at_ns": None if last is None else str(last.at_ns),
            "code": None if last is None else last.code,
        },
        "calls": {"left": left[0], "per_hour": policy.calls_per_hour},
        "tokens": {"left": left[1], "per_hour": policy.tokens_per_hour},
        "under_way": len(state.under_way),
        "day": {
            "stream": stands.stream or None,
            "resolved": {str(what): count for what, count in state.resolved.items()},
            "tokens": state.tokens,
        },
    }
