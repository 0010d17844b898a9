"""``torghut reasoning probe``: how far the model's endpoint is reached, stage by stage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import click

from torghut.composition.advice import probing
from torghut.composition.advice.settings import endpoint_access
from torghut.entrypoints.cli.console import json_option, print_json, print_table
from torghut.kernel.errors import ExitCode
from torghut.kernel.units import NS_PER_MS
from torghut.workflows.reasoning.probing import Probed, Stage, StageName

_KNOWN_AS: Final[Mapping[StageName, str]] = MappingProxyType(
    {"name": "name (DNS)", "encryption": "encryption (TLS)"}
)
"""Stages that people look for by another name."""


@click.command()
@click.option(
    "--budget-ms",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Longest time for all of it.",
)
@json_option
def probe(*, budget_ms: int, as_json: bool) -> ExitCode:
    """Make one call to the endpoint of TORGHUT_REASONING_ENDPOINT, and say how far it got.

    The call is labelled as a probe and shows nothing of any decision. Ends with 7 where the
    endpoint is not reached, does not let us in, or sends what is not to be trusted.
    """
    access = endpoint_access()
    found = asyncio.run(probing.probe(access, budget_ms=budget_ms))
    if as_json:
        print_json(
            {
                "endpoint": access.url,
                "model": access.model,
                "elapsed_ns": found.elapsed_ns,
                "stages": [
                    {
                        "name": one.name,
                        "passed": one.passed,
                        "detail": one.detail,
                        "code": one.code or None,
                        "elapsed_ns": one.elapsed_ns,
                    }
                    for one in found.stages
                ],
            }
        )
        return found.exit_code
    click.echo(f"{access.model} at {access.url}")
    columns = {"stage": "left", "": "left", "ms": "right", "found": "left"}
    print_table(columns, [*(_row(one) for one in found.stages), _latency(found)])
    return found.exit_code


def _row(stage: Stage) -> tuple[str, str, str, str]:
    """Return a stage as people read it."""
    took = "" if stage.elapsed_ns is None else f"{stage.elapsed_ns / NS_PER_MS:.1f}"
    name = _KNOWN_AS.get(stage.name, stage.name)
    return name, "ok" if stage.passed else stage.code, took, stage.detail


def _latency(found: Probed) -> tuple[str, str, str, str]:
    """Return how long all of it took, as people read it."""
    took = f"{found.elapsed_ns / NS_PER_MS:.1f}"
    return "latency", "", took, f"of all stages to {found.stages[-1].name}"
