"""Whatever stands in a note, it reads back as it was, and its page stays the page that it is."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from torghut.governance.notes.errors import NoteUnreadableError
from torghut.governance.notes.note import read_note, render_note
from torghut.schemas.governing.fields import Evidence, declared_off, reading_of
from torghut.schemas.reasoning.standing import AdviceRollback, ReasoningChange
from torghut.schemas.scheduling.advice import AdviceCounts, AdviceNoted
from torghut.schemas.scheduling.note import IterationNote, Throughput

FENCE: Final = "```json torghut-iteration-note"
HOSTILE: Final = (
    f"\n{FENCE}\n{{}}\n```\n",
    "\r\n| a | b |\n|---|---|",
    "<script>alert(1)</script> &amp; [x](javascript:1) ![y](http://z)",
    "\x1b[2J\x00\u202e\u2028\ufeff",
    "# Iteration 1: lane_completed",
    "|" * 40,
    "- - item",
    "1. item",
    "`code` *bold* ~~gone~~",
)
TEXT: Final = st.one_of(st.text(min_size=1, max_size=60), st.sampled_from(HOSTILE))
COUNT: Final = st.integers(0, 2**53 - 1)
TIME: Final = st.integers(0, 2**63 - 1)
CONTROL_ID: Final = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:@/-]{0,20}\Z")
CHANGES: Final = st.builds(
    lambda **said: ReasoningChange.model_validate({**said, "from": "shadow"}),
    what=st.just("mode"),
    symbol=st.sampled_from(["*", "fxcm:EURUSD"]),
    to=st.sampled_from(["off", "active"]),
    at_ns=TIME,
    control_id=CONTROL_ID,
    reason=TEXT,
)
ROLLBACKS: Final = st.builds(
    lambda at_ns, **said: AdviceRollback(at_ns=at_ns, fell_back_ns=at_ns, recovery_ns=0, **said),
    at_ns=TIME,
    control_id=CONTROL_ID,
    reason=TEXT,
    advised_since=COUNT,
)
COUNTS: Final = st.builds(
    AdviceCounts,
    slow=COUNT,
    asked=COUNT,
    resolved=st.dictionaries(st.sampled_from(["approve", "timed-out"]), COUNT),
    superseded=COUNT,
    unasked=st.dictionaries(st.sampled_from(["advice-moot", "reasoning-off"]), COUNT),
    shadowed=st.dictionaries(st.sampled_from(["veto", "failed"]), COUNT),
    unanswered_ratio=st.sampled_from(
        [reading_of(0.125, samples=8), reading_of(None), declared_off("ab" * 32)]
    ),
)
ADVICE: Final = st.builds(
    AdviceNoted,
    mode=st.sampled_from(["off", "shadow", "active"]),
    deterministic_only=st.booleans(),
    changes=st.lists(CHANGES, max_size=3).map(tuple),
    changes_before=COUNT,
    counts=COUNTS,
    rollback=st.one_of(st.none(), ROLLBACKS),
)
NOTES: Final = st.builds(
    IterationNote,
    iteration=st.integers(1, 2**53 - 1),
    cycle=st.integers(1, 2**53 - 1),
    epoch=st.integers(1, 2**53 - 1),
    holder=st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:@/-]{0,20}\Z"),
    began_at_ns=st.integers(0, 2**63 - 1),
    outcome=st.sampled_from(["lane_completed", "lane_execution_failed", "blocked_no_signal"]),
    reason=st.sampled_from(["no-candidate-waiting", "cycle-interrupted"]),
    no_signal=st.sampled_from([None, "market-closed", "bootstrap"]),
    phase_manifest=st.sampled_from(
        [None, Evidence(path="runs/r/rollout/phase-manifest.json", sha256="ab" * 32)]
    ),
    manifest_status=st.sampled_from([None, "pass", "fail", "not-final"]),
    emergency_stop_evidence=st.none(),
    rollback_evidence=st.none(),
    drift_status=st.sampled_from([None, "stable", "detected"]),
    drift_evidence=st.none(),
    continuity_alert=st.booleans(),
    requested_promotion_target=st.sampled_from([None, "paper", "live"]),
    missing_for_live=st.sampled_from([(), ("live-not-allowed", "continuity-alert")]),
    throughput=st.builds(
        Throughput,
        signals=COUNT,
        decisions=COUNT,
        window_ns=st.integers(0, 2**63 - 1),
        decisions_per_s=st.one_of(st.none(), st.floats(0, 1e9)),
    ),
    recommendation_trace_ids=st.sampled_from([(), ("cd" * 32,)]),
    remarks=st.lists(TEXT, max_size=5).map(tuple),
    advice=st.one_of(st.none(), ADVICE),
)


@given(NOTES)
def test_note_reads_back_as_it_was_written(note: IterationNote) -> None:
    body = render_note(note)

    assert read_note(body) == note
    assert render_note(read_note(body)) == body


@given(NOTES)
def test_nothing_in_a_note_makes_a_line_a_cell_or_a_block_of_its_own(note: IterationNote) -> None:
    lines = render_note(note).decode().split("\n")
    people, fence, machine = lines[: lines.index(FENCE)], lines[-4:-3], lines[-3:]

    assert fence == [FENCE]
    assert machine[1:] == ["```", ""]
    assert sum(line.startswith("```") for line in lines) == 2
    assert sum(line.startswith("#") for line in lines) == 1
    assert sum(line.startswith("- ") for line in people) == len(note.remarks)
    table = [line for line in people if line.startswith("|")]
    assert {line.count("|") for line in table} == {3}
    assert all(one.isprintable() for line in people for one in line)
    assert "<" not in "".join(people)
    remarks = [line.removeprefix("- ") for line in people if line.startswith("- ")]
    assert not any(set(one) & set("[]`*~") for one in remarks)
    assert not any(one.lstrip().startswith(("#", "-", "+", "1.")) for one in remarks)
    said = [line for line in table if line.startswith("| advice")]
    assert (said == []) == (note.advice is None)
    assert not any(set(one) & set("[]`*~") for one in said)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[:0],
        lambda body: body * 2,
        lambda body: body.replace(b"}\n```", b"\n```"),
        lambda body: body.replace(FENCE.encode(), b"```json"),
        lambda body: body.replace(b'"cycle":', b'"circle":'),
        lambda body: b"\xff" + body,
    ],
    ids=["empty", "twice", "cut", "no fence", "another key", "no text"],
)
@settings(max_examples=15)
@given(note=NOTES)
def test_what_is_no_note_is_refused(spoil: object, note: IterationNote) -> None:
    assert callable(spoil)
    with pytest.raises(NoteUnreadableError):
        read_note(spoil(render_note(note)))
