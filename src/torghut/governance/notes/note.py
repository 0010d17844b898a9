"""A cycle's note as Markdown: a table for people, one fenced block for machines, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pydantic import ValidationError

from torghut.governance.notes.advising import advice_facts
from torghut.governance.notes.errors import NoteUnreadableError
from torghut.governance.notes.inert import inert, words
from torghut.kernel.canonical import canonical_text
from torghut.kernel.times import moment
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.scheduling.note import IterationNote
from torghut.schemas.types import first_problem

FOLDER: Final = "notes"
"""Below the artifact root."""

_NAME: Final = re.compile(r"iteration-([1-9][0-9]{0,14})\.md", re.ASCII)
_FENCE: Final = "```json torghut-iteration-note"
_BLOCK: Final = re.compile(rf"^{_FENCE}\n(.*)\n```$", re.MULTILINE)
_NONE: Final = "none"


def note_path(iteration: int) -> str:
    """Return where a note is, below the artifact root.

    Example:
        >>> note_path(12)
        'notes/iteration-12.md'
    """
    return f"{FOLDER}/iteration-{iteration}.md"


def iteration_of(name: str) -> int | None:
    """Return the number in the name of a note's file; None if it is no note's.

    Example:
        >>> iteration_of("iteration-12.md"), iteration_of("iteration-x.md")
        (12, None)
    """
    found = _NAME.fullmatch(name)
    return None if found is None else int(found.group(1))


def render_note(note: IterationNote) -> bytes:
    """Return the note's file."""
    facts = [(name, inert(text)) for name, text in _facts(note)]
    if note.advice is not None:
        facts += [(name, words(text)) for name, text in advice_facts(note.advice)]
    rows = "\n".join(f"| {name} | {text} |" for name, text in facts)
    remarks = "".join(f"- {words(remark)}\n" for remark in note.remarks)
    machine = canonical_text(note.model_dump(mode="json"))
    text = (
        f"# Iteration {note.iteration}: {note.outcome}\n\n"
        f"| | |\n|---|---|\n{rows}\n\n"
        + (f"{remarks}\n" if remarks else "")
        + f"{_FENCE}\n{machine}\n```\n"
    )
    return text.encode()


def read_note(body: bytes) -> IterationNote:
    """Return what the machine block of a note says.

    Raises:
        NoteUnreadableError: There is not exactly one, or it says something else.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise NoteUnreadableError(found="bytes that are no UTF-8") from error
    blocks = _BLOCK.findall(text)
    if len(blocks) != 1:
        raise NoteUnreadableError(found=f"{len(blocks)} blocks")
    try:
        return IterationNote.model_validate_json(blocks[0])
    except ValidationError as error:
        raise NoteUnreadableError(found=first_problem(error).at("the block")) from error


def _facts(note: IterationNote) -> Iterator[tuple[str, str]]:
    """Yield what stands in the table."""
    yield "began", moment(note.began_at_ns)
    yield "cycle", f"{note.cycle}, epoch {note.epoch} of {note.holder}"
    yield "outcome", note.outcome
    yield "reason", note.reason
    if note.no_signal is not None:
        yield "no signals", note.no_signal
    yield "phase manifest", _shown(note.phase_manifest)
    yield "manifest says", note.manifest_status or _NONE
    yield "emergency stop", _shown(note.emergency_stop_evidence)
    yield "rollback", _shown(note.rollback_evidence)
    yield "drift", note.drift_status or "not judged"
    yield "continuity alert", "stands" if note.continuity_alert else _NONE
    yield "target", note.requested_promotion_target or _NONE
    if note.missing_for_live:
        yield "missing for live", ", ".join(note.missing_for_live)
    yield "throughput", _throughput(note)
    yield "recommendation traces", ", ".join(note.recommendation_trace_ids) or _NONE


def _shown(evidence: Evidence | None) -> str:
    """Return a file by its path and digest."""
    return _NONE if evidence is None else f"`{evidence.path}` sha256 `{evidence.sha256}`"


def _throughput(note: IterationNote) -> str:
    """Return what the loop got through, in words."""
    done = note.throughput
    rate = "" if done.decisions_per_s is None else f", {done.decisions_per_s:.2f} decisions/s"
    return f"{done.signals:,} signals, {done.decisions:,} decisions{rate}"
