"""What governance once put on record stays readable, and says what it said."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from tests.replay.golden_streams import KINDS, STREAMS, still_says
from torghut.kernel.canonical import canonical_bytes
from torghut.schemas.publish import GOVERNING, MODELS, stated_type
from torghut.schemas.upcasting import read_message

FILES: Final = sorted(STREAMS.rglob("*.jsonl"))


def name_of(path: Path) -> str:
    """Return how a stream is called in a report."""
    return path.relative_to(STREAMS).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_golden_stream_folds_to_the_state_it_had(path: Path) -> None:
    stream = KINDS[path.parent.name]
    lines = path.read_bytes().splitlines()

    events = [read_message(line, MODELS) for line in lines]

    state = stream.decider.fold(stream.adapter.validate_python(event) for event in events)
    assert still_says(state, path.with_suffix(".state.json"))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_golden_stream_is_written_as_it_was(path: Path) -> None:
    for line in path.read_bytes().splitlines():
        event = read_message(line, MODELS)

        assert canonical_bytes(event.model_dump(mode="json")) == line


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_golden_stream_may_end_anywhere(path: Path) -> None:
    stream = KINDS[path.parent.name]
    events = [read_message(line, MODELS) for line in path.read_bytes().splitlines()]
    state = stream.decider.initial

    for count, event in enumerate(events):
        assert stream.decider.fold(events[:count]) == state
        state = stream.decider.evolve(state, event)


def test_every_kind_of_stream_and_every_event_of_one_is_recorded() -> None:
    recorded = {
        stated_type(type(read_message(line, MODELS)))
        for path in FILES
        for line in path.read_bytes().splitlines()
    }

    assert {path.parent.name for path in FILES} == set(KINDS)
    assert recorded == {stated_type(model) for model in GOVERNING}
