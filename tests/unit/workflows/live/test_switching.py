"""Switch files: each throw is recorded once, and only a release on the record ends it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import HandClock
from tests.fakes.live import SwitchFiles, silent_witness
from tests.support.decisions.loops import made_setup
from torghut.decisions.fold.folding import DecisionFold
from torghut.market.ports import Arrival
from torghut.schemas.control import ControlRecord, StopChanged, SwitchThrown
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.rows import CONTEXT
from torghut.workflows.live.loop.in_force import latched_anywhere, thrown_switches
from torghut.workflows.live.switch_ports import SWITCH_NAMES, ThrownSwitch
from torghut.workflows.live.switching import (
    Switchboard,
    record_id,
    throw_id_of,
    thrown_record,
)
from torghut.workflows.opening import fresh_fold

NAMES = SWITCH_NAMES


def new_board() -> Switchboard:
    return Switchboard(wall=HandClock(), witness=silent_witness(), revision="r1")


@dataclass(slots=True)
class Worker:
    """A switchboard, the files that it looks at, and a log that survives it.

    Attributes:
        fold: Of everything durable.
        waiting: Records that are to become durable.
        recorded: Every record that did.
    """

    fold: DecisionFold = field(default_factory=lambda: fresh_fold(made_setup()))
    folder: SwitchFiles = field(default_factory=SwitchFiles)
    board: Switchboard = field(default_factory=new_board)
    waiting: list[ControlRecord] = field(default_factory=list)
    recorded: list[ControlRecord] = field(default_factory=list)

    def look(self) -> None:
        """Look at the files."""
        self.waiting += self.board.look(self.folder.thrown(), self.fold)

    def record(self, *records: ControlRecord) -> None:
        """Make what waits durable, and then these."""
        new = [*self.waiting, *records]
        self.waiting.clear()
        arrivals = [Arrival(row=0, record=one) for one in new]
        decided = self.fold.decide(np.zeros(0, CONTEXT), arrivals)
        received = [one.record for one in decided.received]
        self.recorded += received
        self.board.note(received)

    def retire(self) -> None:
        """Take released files away."""
        for one in self.board.spent():
            self.folder.retire(one.name, one.throw_id)

    def restart(self) -> None:
        """Forget everything that is not durable."""
        self.board = new_board()
        self.waiting.clear()

    def standing(self) -> dict[str, bool]:
        """Return the switches in force, and whether the log has them."""
        return {one.name: one.recorded for one in self.board.standing(self.fold)}

    def acknowledged(self) -> set[str]:
        """Return the throws that were acknowledged."""
        return {one.throw_id for one in self.board.acknowledged}


def released(name: str, number: int = 0, **fields: object) -> SwitchThrown:
    body = {"control_id": f"r{number}", "name": name, "state": "released", "reason": "r", **fields}
    return SwitchThrown.model_validate(body)


def test_a_throw_is_in_force_at_once_and_acknowledged_once_it_is_recorded() -> None:
    worker = Worker()
    thrown = worker.folder.throw("stop", "t1", reason="too fast")
    worker.look()
    assert worker.standing() == {"stop": False}
    assert worker.acknowledged() == set()
    assert worker.board.stop(worker.fold) == "switch stop thrown by somebody@here: too fast"
    worker.record()
    assert worker.standing() == {"stop": True}
    assert worker.acknowledged() == {"t1"}
    assert [one.control_id for one in worker.recorded] == [record_id(thrown)]


def test_looking_again_records_nothing_again() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    for _ in range(3):
        worker.look()
    worker.record()
    worker.look()
    worker.record()
    assert len(worker.recorded) == 1


def test_a_throw_holds_whatever_becomes_of_its_file() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.look()
    del worker.folder.files["stop"]
    worker.look()
    worker.record()
    assert worker.standing() == {"stop": True}


def test_while_nothing_can_be_told_a_throw_is_acknowledged_unrecorded() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.look()
    worker.board.hold()
    assert worker.acknowledged() == {"t1"}
    assert worker.standing() == {"stop": False}


def test_a_release_ends_what_was_recorded_before_and_its_file_may_go() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.look()
    worker.record()
    assert worker.board.spent() == []
    worker.record(released("stop"))
    assert worker.standing() == {}
    assert [one.throw_id for one in worker.board.spent()] == ["t1"]
    worker.retire()
    assert worker.folder.retired == ["t1"]


def test_a_release_does_not_end_a_throw_that_is_not_recorded_yet() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.look()
    worker.record()
    worker.folder.throw("stop", "t2")
    worker.record(released("stop"))
    worker.look()
    assert worker.standing() == {"stop": False}
    assert [one.throw_id for one in worker.board.spent()] == ["t1"]
    worker.record()
    assert worker.standing() == {"stop": True}


def test_a_file_that_was_away_while_it_was_released_does_not_throw_again() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.look()
    worker.record()
    kept = worker.folder.files.pop("stop")
    worker.look()
    worker.record(released("stop"))
    worker.folder.files["stop"] = kept
    worker.look()
    assert worker.waiting == []
    assert worker.standing() == {}
    assert [one.throw_id for one in worker.board.spent()] == ["t1"]


def test_a_file_left_behind_by_a_crash_does_not_throw_again() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.look()
    worker.record()
    worker.record(released("stop"))
    worker.restart()
    worker.look()
    assert worker.waiting == []
    assert worker.standing() == {}
    worker.retire()
    assert worker.folder.retired == ["t1"]


def test_a_thrown_switch_survives_a_restart() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.look()
    worker.record()
    worker.restart()
    assert worker.standing() == {"stop": True}
    worker.look()
    worker.record()
    assert len(worker.recorded) == 1
    assert worker.acknowledged() == {"t1"}


def test_a_file_copied_to_another_switch_throws_both() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.folder.throw("defensive-weights", "t1")
    worker.look()
    worker.record()
    assert worker.standing() == {"stop": True, "defensive-weights": True}
    worker.record(released("stop"))
    assert worker.standing() == {"defensive-weights": True}


def test_a_release_for_one_symbol_does_not_end_a_throw_for_all() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.look()
    worker.record()
    worker.record(released("stop", symbol="fxcm:EURUSD"))
    assert worker.standing() == {"stop": True}
    assert worker.board.spent() == []


def test_a_release_whose_time_has_not_come_leaves_the_switch_thrown() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.look()
    worker.record()
    worker.record(released("stop", effective_at_ns=2_000_000_000_000_000_000))
    assert worker.standing() == {"stop": True}


def test_a_drill_is_acknowledged_and_throws_nothing() -> None:
    worker = Worker()
    worker.folder.drills.append(
        ThrownSwitch(name="stop", throw_id="d1", who="w", reason="r", thrown_wall_ns=1, drill=True)
    )
    worker.look()
    assert worker.acknowledged() == {"d1"}
    assert (worker.waiting, worker.standing()) == ([], {})


def test_a_throw_that_waits_to_be_recorded_is_in_force_though_its_file_is_gone() -> None:
    worker = Worker()
    worker.folder.throw("stop", "t1")
    worker.look()
    del worker.folder.files["stop"]
    worker.look()
    assert worker.standing() == {"stop": False}
    assert worker.board.stop(worker.fold)


def test_only_the_newest_acknowledgements_are_kept_on_the_page() -> None:
    worker = Worker()
    for number in range(20):
        worker.folder.throw("stop", f"t{number}")
        worker.look()
        worker.record()
    assert [one.throw_id for one in worker.board.acknowledged] == [f"t{n}" for n in range(4, 20)]


def test_the_record_of_a_throw_says_who_and_why_and_fits_its_schema() -> None:
    thrown = ThrownSwitch(
        name="stop", throw_id="t" * 64, who="w" * 200, reason="r" * 500, thrown_wall_ns=None
    )
    reason = thrown_record(thrown).reason
    assert len(reason) == 500
    assert reason.endswith(f"r… (thrown by {'w' * 200})")
    unread = ThrownSwitch(
        name="stop", throw_id="t1", who="", reason="the file is empty", thrown_wall_ns=None
    )
    assert thrown_record(unread).reason == "the file is empty"


@pytest.mark.parametrize(
    ("control_id", "throw_id"),
    [
        ("switch:stop:t1:thrown", "t1"),
        ("switch:stop:t1:t2:thrown", "t1:t2"),
        ("desk-7", "desk-7"),
        ("switch:defensive-weights:t1:thrown", "switch:defensive-weights:t1:thrown"),
        ("t1:thrown", "t1:thrown"),
    ],
)
def test_every_recorded_throw_has_an_id_of_its_own(control_id: str, throw_id: str) -> None:
    record = SwitchThrown(control_id=control_id, name="stop", state="thrown", reason="r")

    assert throw_id_of(record) == throw_id


def test_the_stop_latch_is_seen_before_its_symbol_is_heard_again() -> None:
    worker = Worker()
    assert not latched_anywhere(worker.fold)
    stop = {"kind": "stop", "control_id": "s1", "state": "stopped", "reason": "drawdown"}
    worker.record(StopChanged.model_validate({**stop, "symbol": "fxcm:EURUSD"}))
    assert latched_anywhere(worker.fold)
    assert worker.board.stop(worker.fold) == ""
    worker.record(StopChanged.model_validate({**stop, "control_id": "s2"}))
    assert worker.board.stop(worker.fold) == "stop latch closed: drawdown"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("throw"), st.integers(0, 4)),
        st.tuples(st.just("garbage"), st.integers(0, 4)),
        st.tuples(st.just("remove"), st.integers(0, 4)),
        st.tuples(st.just("release"), st.integers(0, 4)),
        st.tuples(st.sampled_from(["look", "look", "record", "retire", "restart"]), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=40)
@given(STEPS)
def test_every_throw_is_recorded_once_and_ends_only_by_a_later_release(
    steps: list[tuple[str, int]],
) -> None:
    worker = Worker()
    for number, (what, which) in enumerate(steps):
        take_step(worker, what, NAMES[which], number)
        held = {*in_force(worker.recorded), *unrecorded(worker)}
        assert held <= set(worker.standing())
    worker.look()
    worker.record()
    counts = Counter(one.control_id for one in worker.recorded)
    assert set(counts.values()) <= {1}
    assert dict(thrown_switches(worker.fold)) == in_force(worker.recorded)
    assert set(worker.standing()) == set(in_force(worker.recorded))
    assert all(record_id(one) in counts for one in worker.folder.thrown())


def take_step(worker: Worker, what: str, name: SwitchName, number: int) -> None:
    """Let one thing happen to the files, the log or the worker."""
    match what:
        case "throw":
            worker.folder.throw(name, f"t{number}")
        case "garbage":
            worker.folder.throw(name, f"file-{number}", reason="no JSON")
        case "remove":
            worker.folder.files.pop(name, None)
        case "release":
            worker.record(released(name, number))
        case _:
            {
                "look": worker.look,
                "record": worker.record,
                "retire": worker.retire,
                "restart": worker.restart,
            }[what]()


def in_force(records: list[ControlRecord]) -> dict[SwitchName, SwitchThrown]:
    """Return what holds by the records: the newest of each switch decides."""
    newest = {one.name: one for one in records if isinstance(one, SwitchThrown)}
    return {name: one for name, one in newest.items() if one.state == "thrown"}


def unrecorded(worker: Worker) -> list[str]:
    """Return the switches that the last look found thrown anew."""
    return [one.name for one in worker.waiting if isinstance(one, SwitchThrown)]
