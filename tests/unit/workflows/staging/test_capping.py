"""What the stage in force allows of a reasoning mode, for whoever asks for one."""

from __future__ import annotations

from typing import get_args

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.support.governance.staging import arrived, back, built_roadmap
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.stages.errors import ReasoningCappedError
from torghut.kernel.errors import ExitCode
from torghut.schemas.control import ReasoningModeName
from torghut.workflows.staging.capping import check_reasoning, reasoning_allowed
from torghut.workflows.staging.moving import STAGE_STREAM
from torghut.workflows.streams import Streams

MODES = get_args(ReasoningModeName)


def streams(stage: int | None, *, back_to: int | None = None) -> Streams:
    """Return the streams of a rollout that has come to ``stage``, and perhaps went back."""
    log = InMemoryLog(clock=HandClock())
    if stage is not None:
        stream = arrived(stage)
        if back_to is not None:
            stream.send(back(stream, back_to))
        run(log.append_events(STAGE_STREAM, stream.events(), expected_version=0, causes=CAUSES))
    return Streams(log)


@pytest.mark.parametrize("asked", MODES)
def test_everything_is_allowed_where_no_stage_was_entered(asked: ReasoningModeName) -> None:
    assert run(reasoning_allowed(streams(None), built_roadmap())) is None
    run(check_reasoning(streams(None), built_roadmap(), asked))


@pytest.mark.parametrize("asked", MODES)
@pytest.mark.parametrize(("stage", "cap"), [(0, "off"), (2, "off"), (3, "active"), (5, "active")])
def test_no_more_is_allowed_than_the_cap_of_the_stage_in_force(
    stage: int, cap: ReasoningModeName, asked: ReasoningModeName
) -> None:
    found = run(reasoning_allowed(streams(stage), built_roadmap()))
    assert found is not None
    assert (found.stage, found.mode) == (stage, cap)
    if MODES.index(asked) <= MODES.index(cap):
        run(check_reasoning(streams(stage), built_roadmap(), asked))
        return
    with pytest.raises(ReasoningCappedError) as refused:
        run(check_reasoning(streams(stage), built_roadmap(), asked))

    assert refused.value.exit_code is ExitCode.NO
    assert (refused.value.stage, refused.value.cap, refused.value.asked) == (stage, cap, asked)
    for said in (f"stage {stage}", cap, asked, "torghut stage advance"):
        assert said in str(refused.value)


def test_going_back_takes_away_what_the_earlier_stage_does_not_allow() -> None:
    found = run(reasoning_allowed(streams(3, back_to=2), built_roadmap()))

    assert found is not None
    assert (found.stage, found.mode) == (2, "off")
