"""``torghut topics plan``, ``apply`` and ``diff``."""

from __future__ import annotations

import asyncio

import click

from torghut.carrying.planning import Plan
from torghut.carrying.ports import TopicAdmin
from torghut.composition.brokering import topic_admin
from torghut.entrypoints.cli.broker_options import bootstrap_option, step_budget_option
from torghut.entrypoints.cli.console import Progress, json_option, print_json, progress
from torghut.entrypoints.cli.topics.asking import (
    plan_json,
    plan_of,
    planned,
    print_plan,
)
from torghut.kernel.errors import ExitCode


@click.command(name="plan")
@bootstrap_option
@step_budget_option
@json_option
def plan(bootstrap: str | None, *, budget_ms: int, as_json: bool) -> ExitCode:
    """Show what `torghut topics apply` would do to a cluster; change nothing.

    Ends with 3 where it would refuse, and 7 where nobody answers.
    """
    found = plan_of(bootstrap, budget_ms)
    _show(found, as_json=as_json)
    return ExitCode.CONTRACT if found.refusals else ExitCode.YES


@click.command()
@bootstrap_option
@step_budget_option
@json_option
def diff(bootstrap: str | None, *, budget_ms: int, as_json: bool) -> ExitCode:
    """Compare a cluster's topics with those that are declared.

    Ends with 0 where they agree, 1 where they do not, and 7 where nobody answers.
    """
    found = plan_of(bootstrap, budget_ms)
    _show(found, as_json=as_json)
    return ExitCode.YES if found.agrees else ExitCode.NO


@click.command()
@bootstrap_option
@step_budget_option
@json_option
def apply(bootstrap: str | None, *, budget_ms: int, as_json: bool) -> ExitCode:
    """Make a cluster's topics those that are declared; a second time changes nothing.

    Topics are created and their settings changed; none is ever removed, and no topic with a key
    gets another number of partitions. Where one thing is refused, nothing is done.
    """
    admin = topic_admin(bootstrap, budget_ms=budget_ms)
    with progress() as shown:
        done = asyncio.run(_applied(admin, shown))
    _show(done, as_json=as_json)
    return ExitCode.YES


async def _applied(admin: TopicAdmin, shown: Progress) -> Plan:
    """Do every step of the plan, and return it."""
    shown.stage("Seeing the cluster's topics")
    found = await planned(admin)
    for refusal in found.refusals:
        raise refusal
    shown.stage("Changing topics", total=len(found.steps))
    for number, step in enumerate(found.steps):
        shown.at(number, step.name)
        await admin.do(step)
    return found


def _show(found: Plan, *, as_json: bool) -> None:
    if as_json:
        print_json(plan_json(found))
    else:
        print_plan(found)
