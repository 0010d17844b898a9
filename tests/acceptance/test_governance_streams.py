"""What governance remembers comes back from a log that was closed and opened, byte for byte."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.fakes.eventlog import CAUSES, open_sqlite, run
from tests.replay.golden_streams import KINDS, STREAMS, still_says
from tests.support.governance.governing import START_NS, readings, safety_policy
from torghut.eventlog.envelopes import read_event
from torghut.eventlog.errors import ConcurrencyConflictError
from torghut.governance.safety.latch import LATCH, EvaluateSafety
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.governing.latch import LATCH_EVENT, LatchEvent
from torghut.schemas.publish import MODELS
from torghut.schemas.types import Message
from torghut.schemas.upcasting import STEPS, read_message
from torghut.workflows.streams import Streams

FILES: Final = sorted(STREAMS.rglob("*.jsonl"))
read_latch = partial(read_event, adapter=LATCH_EVENT, steps=STEPS)


def recorded(path: Path) -> Sequence[Message]:
    """Return the events of a golden stream."""
    return [read_message(line, MODELS) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(STREAMS).as_posix())
def test_stream_comes_back_from_a_log_that_was_closed(path: Path, tmp_path: Path) -> None:
    kind, events = KINDS[path.parent.name], recorded(path)
    for version, event in enumerate(events):
        log = open_sqlite(tmp_path / "log.db")
        run(log.append_events("one", [event], expected_version=version, causes=CAUSES))
        run(log.close())

    log = open_sqlite(tmp_path / "log.db")
    envelopes = run(log.read_events("one"))
    report = run(log.verify())
    run(log.close())

    assert report.intact
    assert [envelope.body for envelope in envelopes] == path.read_bytes().splitlines()
    state = kind.decider.fold(read_event(one, kind.adapter, STEPS) for one in envelopes)
    assert still_says(state, path.with_suffix(".state.json"))


def evaluation(number: int, *, lag_ms: float = 0.0) -> EvaluateSafety:
    """Return one evaluation of the safety controls."""
    return EvaluateSafety(
        latch="main",
        evaluation=number,
        at_ns=START_NS + number,
        readings=readings(lag_ms=reading_of(lag_ms)),
        policy=safety_policy(),
    )


def send(folder: Path, command: EvaluateSafety) -> Sequence[LatchEvent]:
    """Handle a command in a process of its own life: open the log, decide, close it."""
    log = open_sqlite(folder / "log.db")
    try:
        return run(Streams(log).run(LATCH, read_latch, "latch-main", command, causes=CAUSES))
    finally:
        run(log.close())


def test_stop_outlives_every_process(tmp_path: Path) -> None:
    send(tmp_path, evaluation(1, lag_ms=600_000.0))
    ends = [[event.type for event in send(tmp_path, evaluation(n))] for n in (2, 3, 4)]

    assert [end[1:] for end in ends] == [[], [], ["safety.loop-recovered.v1"]]


def test_evaluation_that_a_killed_process_sent_already_counts_once(tmp_path: Path) -> None:
    first = send(tmp_path, evaluation(1, lag_ms=600_000.0))

    assert len(first) == 2
    assert send(tmp_path, evaluation(1, lag_ms=600_000.0)) == []


def test_two_that_decide_on_the_same_state_do_not_both_write(tmp_path: Path) -> None:
    log = open_sqlite(tmp_path / "log.db")
    events = LATCH.decide(evaluation(1), LATCH.initial)
    others = LATCH.decide(evaluation(1, lag_ms=600_000.0), LATCH.initial)
    run(log.append_events("latch-main", events, expected_version=0, causes=CAUSES))

    with pytest.raises(ConcurrencyConflictError):
        run(log.append_events("latch-main", others, expected_version=0, causes=CAUSES))
    run(log.close())
