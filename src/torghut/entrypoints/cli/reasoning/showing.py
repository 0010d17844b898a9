"""``torghut reasoning record``: what was asked, what each step answered, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import click

from torghut.composition import standby
from torghut.entrypoints.cli.console import json_option, print_fields, print_json, print_table
from torghut.kernel.errors import ExitCode
from torghut.kernel.times import instant
from torghut.kernel.units import NS_PER_MS
from torghut.reasoning.errors import AdviceFaultError
from torghut.reasoning.replies import read_reply
from torghut.schemas.reasoning.record import AdviceRecord, CallRecorded
from torghut.settings import artifact_dir
from torghut.workflows.reasoning.recording import load_record

_CALLS: Final = {"step": "left", "tokens": "right", "ms": "right", "answer": "left"}
_FACTS: Final = {"shown": "left", "value": "right", "unit": "left"}
_WORDS: Final = 400


@click.command()
@click.argument("digest")
@json_option
def record(*, digest: str, as_json: bool) -> ExitCode:
    """Show the record of a question by the digest that its control record cites as advice.

    What was shown to the model, what each step answered, and what that came to. Nothing in it is
    secret: the endpoint's key is in no record.
    """
    found = load_record(standby.artifact_root(artifact_dir()), digest)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return ExitCode.YES
    print_fields(_header(found))
    click.echo()
    print_table(
        _FACTS, [(f.id, "" if f.value is None else str(f.value), f.unit) for f in found.shown.facts]
    )
    for passage in found.shown.passages:
        doubts = (
            f" (not to be trusted: {', '.join(passage.suspicions)})" if passage.suspicions else ""
        )
        click.echo(f"\n{passage.id}, {instant(passage.published_at_ns)}, {passage.source}{doubts}")
        click.echo(f"    {passage.text}")
    click.echo()
    print_table(_CALLS, [_row(one, found.parameters.model) for one in found.calls])
    return ExitCode.YES


def _header(found: AdviceRecord) -> dict[str, str]:
    """Return what a question was about, and what it came to."""
    numbers = [
        f"{name} {value:g}"
        for name, value in (("factor", found.factor), ("confidence", found.confidence))
        if value is not None
    ]
    return {
        "context": found.context_id,
        "happened": instant(found.shown.event_ns),
        "asked for": ", ".join(found.shown.triggers),
        "model": found.parameters.model,
        "came to": ", ".join([found.resolution, *numbers, *filter(None, [found.code])]),
    }


def _row(one: CallRecorded, model: str) -> tuple[str, str, str, str]:
    """Return a call as people read it."""
    tokens = "" if one.tokens is None else f"{one.tokens:,}"
    said = one.code or "\n".join(_said(one, model))
    return one.step, tokens, f"{one.elapsed_ns / NS_PER_MS:.1f}", said


def _said(one: CallRecorded, model: str) -> Iterator[str]:
    """Yield what a reply says, field by field."""
    try:
        answer = json.loads(read_reply((one.reply or "").encode(), model=model).content)
    except (AdviceFaultError, ValueError):
        yield "nothing that can be read"
        return
    for name, value in answer.items():
        yield f"{name}: {json.dumps(value) if not isinstance(value, str) else value}"[:_WORDS]
