"""How the commands about topics ask a cluster, and how they show what would be done."""

from __future__ import annotations

import asyncio

import click

from torghut.carrying.planning import AddPartitions, ChangeSettings, CreateTopic, Plan, Step, plan
from torghut.carrying.ports import TopicAdmin
from torghut.composition.brokering import declared_topics, topic_admin
from torghut.entrypoints.cli.console import plural
from torghut.kernel.canonical import JsonObject


async def planned(admin: TopicAdmin) -> Plan:
    """Return what would make the topics of a cluster those that are declared."""
    return plan(declared_topics(), await admin.see())


def plan_of(bootstrap: str | None, budget_ms: int) -> Plan:
    """Return the same for the cluster that is named.

    Raises:
        TorghutError: Nothing is declared, nobody answers, or who asks may not.
    """
    return asyncio.run(planned(topic_admin(bootstrap, budget_ms=budget_ms)))


def print_plan(found: Plan) -> None:
    """Print what is to be done, what cannot be, and what is left alone."""
    for step in found.steps:
        click.echo(str(step))
    for refusal in found.refusals:
        click.echo(f"refused: {refusal.code}: {refusal}")
    for name in found.undeclared:
        click.echo(f"left alone: {name}, which nobody declared")
    if found.agrees:
        count = len(declared_topics().declared)
        click.echo(f"nothing to do: {plural(count, 'topic')} as declared ({found.environment})")


def plan_json(found: Plan) -> JsonObject:
    """Return the same for machines."""
    return {
        "environment": found.environment,
        "agrees": found.agrees,
        "steps": [step_json(step) for step in found.steps],
        "refusals": [
            {"topic": one.topic, "code": one.code, "message": str(one)} for one in found.refusals
        ],
        "undeclared": list(found.undeclared),
    }


def step_json(step: Step) -> JsonObject:
    """Return one step for machines."""
    match step:
        case CreateTopic():
            return {
                "do": "create",
                "topic": step.name,
                "partitions": step.partitions,
                "copies": step.copies,
                "settings": dict(step.settings),
            }
        case ChangeSettings():
            return {
                "do": "change",
                "topic": step.name,
                "settings": dict(step.settings),
                "found": dict(step.found),
            }
        case AddPartitions():
            return {
                "do": "grow",
                "topic": step.name,
                "partitions": step.partitions,
                "found": step.found,
            }
