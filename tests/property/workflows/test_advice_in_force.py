"""The mode and switch that a look at a log finds in force are those of the states that decided."""

from __future__ import annotations

from typing import Final, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.eventlog import run
from tests.support.decisions.declared import shipped
from tests.support.decisions.loops import A, B, C, drifting, empty_log, run_on, source_of
from tests.support.decisions.rows import SECOND_NS, START_NS
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import ReasoningMode, Switch
from torghut.schemas.control import (
    ControlRecord,
    ReasoningModeChanged,
    ReasoningModeName,
    SwitchThrown,
)
from torghut.workflows.scheduling.ports import Since
from torghut.workflows.scheduling.seen.viewing import LogView

COUNT: Final = 24
STEP_S: Final = 20
MODES: Final = get_args(ReasoningModeName)
SCOPES: Final = st.sampled_from(["*", A, B])
TIMES: Final = st.one_of(
    st.none(), st.integers(-5, STEP_S * (COUNT - 6)).map(lambda at_s: START_NS + at_s * SECOND_NS)
)


@st.composite
def records(draw: st.DrawFn) -> list[tuple[int, ControlRecord]]:
    """Draw records of advice, each by the context that it comes before."""
    found: list[tuple[int, ControlRecord]] = []
    places = sorted(draw(st.lists(st.integers(0, COUNT - 6), max_size=8)))
    for number, place in enumerate(places):
        said = {
            "control_id": f"one-{draw(st.integers(0, 99))}-{number}",
            "symbol": draw(SCOPES),
            "effective_at_ns": draw(TIMES),
            "reason": "a test",
        }
        if draw(st.booleans()):
            record: ControlRecord = ReasoningModeChanged.model_validate(
                {**said, "mode": draw(st.sampled_from(MODES))}
            )
        else:
            state = draw(st.sampled_from(["thrown", "released"]))
            record = SwitchThrown.model_validate(
                {**said, "name": "deterministic-only", "state": state}
            )
        found.append((place, record))
    return found


@settings(deadline=None)
@given(arrivals=records(), size=st.integers(1, COUNT), live=st.booleans())
def test_what_is_found_in_force_is_what_the_states_have(
    *, arrivals: list[tuple[int, ControlRecord]], size: int, live: bool
) -> None:
    # C comes last, so that it is born with what holds for those that come later; then all do again.
    rows = drifting([*(n % 2 for n in range(COUNT - 3)), 2, 0, 1], step_s=STEP_S)
    log = empty_log()
    fold = run(run_on(source_of(rows, arrivals), log, size=size))
    view = LogView(
        opening=lambda: log,
        pages=tuple if live else None,
        declared=shipped(),
        budget_ms=5000,
    )

    found = run(view.look(Since(), now_ns=2**62)).advice

    states = fold.arms[SERVING]
    modes = [int(one) for one in states["reasoning_mode"]]
    thrown = [bool(int(one) >> Switch.DETERMINISTIC_ONLY & 1) for one in states["switches"]]
    assert {one.name for one in fold.symbols} == {A, B, C}
    assert found is not None
    assert found.mode == ReasoningMode(max(modes)).name.lower()
    assert found.least == ReasoningMode(min(modes)).name.lower()
    assert found.deterministic_only == all(thrown)
