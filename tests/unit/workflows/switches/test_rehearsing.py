"""Each switch is rehearsed on a copy: what it must do is seen, what it does not is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.fakes.clock import SteppingClock
from tests.support.decisions.reporting import Feed, fresh_fold, live_feed
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.snapshot import take_snapshot
from torghut.schemas.codes import Switch
from torghut.schemas.control import PackageChanged, RouterModeChanged
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.rows import CONTEXT, STATE
from torghut.workflows.live.switch_ports import SWITCH_NAMES
from torghut.workflows.switches.rehearsing import Stage, rehearse


def stage(feed: Feed, count: int = 30) -> Stage:
    contexts = feed.batch([1.0] * count)
    return Stage(fold=feed.fold, head="ab" * 32, contexts=contexts, revision="r1")


@pytest.mark.parametrize("feed", [live_feed, lambda: warm(Feed(fold=fresh_fold()))])
def test_every_switch_is_in_force_from_the_first_decision_and_nothing_is_touched(
    feed: object,
) -> None:
    assert callable(feed)
    made = stage(feed())
    before = take_snapshot(made.fold)

    found = rehearse(made, SteppingClock())

    assert [one.name for one in found.rehearsals] == list(SWITCH_NAMES)
    assert [(one.in_force, one.failed) for one in found.rehearsals] == [(True, ())] * 5
    assert {one.decisions_until_in_force for one in found.rehearsals} == {0}
    assert all(one.elapsed_ns > 0 for one in found.rehearsals)
    assert found.untouched
    assert take_snapshot(made.fold) == before


def warm(feed: Feed) -> Feed:
    feed.take(RouterModeChanged(control_id="m", mode="live"))
    return feed


def test_reverting_is_rehearsed_to_the_package_before() -> None:
    feed = warm(Feed(fold=fresh_fold()))
    genesis = feed.fold.promoted.newest("fx-intraday")
    feed.fold.packages["aa" * 32] = feed.fold.packages[genesis]
    feed.take(PackageChanged(control_id="p", router="fx-intraday", package="aa" * 32))

    found = {one.name: one for one in rehearse(stage(feed), SteppingClock()).rehearsals}

    assert found["revert-packages"].in_force


def test_without_contexts_nothing_was_shown() -> None:
    found = rehearse(replace(stage(live_feed()), contexts=np.zeros(0, CONTEXT)), SteppingClock())

    assert [one.in_force for one in found.rehearsals] == [False] * 5
    assert found.rehearsals[0].failed == ("no decision followed: nothing was shown",)


@pytest.mark.parametrize(
    ("switch", "name"),
    [
        (Switch.STOP, "stop"),
        (Switch.DETERMINISTIC_ONLY, "deterministic-only"),
        (Switch.DEFENSIVE_WEIGHTS, "defensive-weights"),
        (Switch.REVISION_FENCE, "last-stable-revision"),
    ],
)
def test_a_kernel_that_does_not_obey_a_switch_is_found_out(
    switch: Switch, name: SwitchName
) -> None:
    made = stage(live_feed())
    kernel = made.fold.kernel

    def deaf(*arrays: object) -> tuple[int, int]:
        states = arrays[1]
        assert isinstance(states, np.ndarray)
        assert states.dtype == STATE
        states["switches"] &= ~np.uint8(1 << switch)
        return kernel.run(*arrays)  # type: ignore[arg-type]

    made.fold.kernel = DecisionKernel(run=deaf, build=kernel.build, version=kernel.version)

    found = {one.name: one for one in rehearse(made, SteppingClock()).rehearsals}

    assert [one for one in SWITCH_NAMES if not found[one].in_force] == [name]
    assert found[name].decisions_until_in_force is None
    assert found[name].failed == ("never in force for fxcm:EURUSD",)
