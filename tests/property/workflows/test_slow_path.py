"""However contexts, resolutions and other records interleave: one decision each, in order."""

from __future__ import annotations

from collections import Counter
from typing import Final

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.decisions.asking import NAMES, asking_fold, course, mode_record, resolving
from torghut.decisions.fold.batch import Decided
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.recording import Taken, learn_names, read_block, record_batch
from torghut.decisions.snapshot import restore_snapshot, take_snapshot
from torghut.eventlog.block import Block, Head, head_of
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival, Cursor
from torghut.schemas.codes import PENDING, Resolution, published_names
from torghut.schemas.control import ControlRecord, LimitsAllotted, StopChanged
from torghut.schemas.rows import DECISION, RowArray

WARM: Final = 120  # contexts until symbols wish for positions
HOW: Final = published_names(Resolution)

Step = tuple[str, int]
"""What comes next, and a number that says which."""

STEPS: Final = st.lists(
    st.tuples(
        st.sampled_from(["context"] * 6 + ["resolve"] * 3 + ["stop", "limit", "mode", "again"]),
        st.integers(0, 10_000),
    ),
    min_size=5,
    max_size=60,
)


class Loop:
    """A fold with its blocks, fed step by step; a block is made wherever it is cut."""

    def __init__(self, *, shadow: bool) -> None:
        self.fold = asking_fold(shadow_router=shadow)
        self.blocks: list[Block] = []
        self.decided: list[Decided] = []
        self.resolved: list[ControlRecord] = []
        self.head = Head(partition=0)
        self._rows: list[RowArray] = []
        self._arrivals: list[Arrival] = []
        self._symbols = len(self.fold.symbols)

    def context(self, row: RowArray) -> None:
        """Let a context come, shape (1,)."""
        self._rows.append(row)

    def record(self, record: ControlRecord) -> None:
        """Let a control record come."""
        self._arrivals.append(Arrival(row=len(self._rows), record=record))

    def cut(self) -> None:
        """Decide what came as one block."""
        rows = np.concatenate([course([]), *self._rows])
        decided = self.fold.decide(rows, self._arrivals)
        taken = Taken(contexts=rows, quarantined=(), cursor=Cursor(), first_symbol=self._symbols)
        block = record_batch(self.fold, taken, decided, self.head)
        self.head = head_of(block)
        self.blocks.append(block)
        self.decided.append(decided)
        self._rows, self._arrivals = [], []
        self._symbols = len(self.fold.symbols)

    @property
    def rows(self) -> RowArray:
        """All serving decisions, in the order decided."""
        parts = [np.frombuffer(one.arms[SERVING].rows, DECISION) for one in self.decided]
        return np.concatenate(parts)


def played(  # noqa: C901 - one case for each kind of step
    steps: list[Step], cuts: set[int], *, shadow: bool = False
) -> Loop:
    """Return a loop that took ``steps``, a block ending behind each step in ``cuts``."""
    loop = Loop(shadow=shadow)
    numbers = [number % 3 for kind, number in steps if kind == "context"]
    rows = course([*([0, 1, 2] * WARM), *numbers], step_s=0.5)
    loop.record(mode_record("active"))
    for place in range(3 * WARM):
        loop.context(rows[place : place + 1])
    # What waits is known only once it is decided, and so which record could resolve it.
    waits = _waiting_after(rows[: 3 * WARM])
    loop.cut()
    place = 3 * WARM
    for index, (kind, number) in enumerate(steps):
        name = NAMES[number % 3]
        match kind:
            case "context":
                loop.context(rows[place : place + 1])
                place += 1
            case "resolve" if (waiting := _waiting(loop, name, waits)) is not None:
                record = resolving(
                    waiting,
                    HOW[number % len(HOW)],
                    at_ns=number * 10**6,
                    control_id=f"advice:{index}",
                )
                loop.record(record)
            case "stop":
                state = ("stopped", "released")[number % 2]
                loop.record(
                    StopChanged.model_validate(
                        {"control_id": f"c{index}", "state": state, "reason": "r", "symbol": name}
                    )
                )
            case "limit":
                loop.record(
                    LimitsAllotted(control_id=f"c{index}", symbol=name, allotment=float(number))
                )
            case "mode":
                mode = ("active", "active", "shadow", "off")[number % 4]
                loop.record(mode_record(mode, f"c{index}", name))
            case _:
                pass
        if index in cuts:
            loop.cut()
    loop.cut()
    return loop


def _waiting_after(rows: RowArray) -> dict[str, str | None]:
    """Return what waits after the first contexts."""
    fold = asking_fold()
    fold.decide(rows, [Arrival(row=0, record=mode_record("active"))])
    return {name: fold.awaiting(fold.symbol_index(name)) for name in NAMES}


def _waiting(loop: Loop, name: str, first: dict[str, str | None]) -> str | None:
    """Return what waits of a symbol as of the last block; else what waited first."""
    return loop.fold.awaiting(loop.fold.symbol_index(name)) or first[name]


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sets(st.integers(0, 60)))
def test_each_context_gets_one_decision_and_sequences_have_no_gap(
    steps: list[Step], cuts: set[int]
) -> None:
    loop = played(steps, cuts)

    asked = Counter(
        int(one["source_sequence"])
        for decided in loop.decided
        for one in (np.frombuffer(asked.row, DECISION)[0] for asked in decided.asked)
    )
    answers = Counter(loop.rows["source_sequence"].tolist())
    waits = [n for n in range(3) if loop.fold.awaiting(n) is not None]
    assert set(asked.values()) <= {1}
    assert set(answers.values()) <= {1}
    assert len(asked - answers) == len(waits)
    for key in set(loop.rows["symbol_key"].tolist()):
        own = loop.rows[loop.rows["symbol_key"] == key]
        assert own["sequence"].tolist() == list(range(1, len(own) + 1))


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sets(st.integers(0, 60)))
def test_loop_never_receives_a_target_of_an_older_state_than_the_last(
    steps: list[Step], cuts: set[int]
) -> None:
    loop = played(steps, cuts)

    for key in set(loop.rows["symbol_key"].tolist()):
        own = loop.rows[loop.rows["symbol_key"] == key]
        order = np.argsort(own["sequence"], kind="stable")
        assert order.tolist() == list(range(len(own)))
        # What a decision saw of the market is never older than what the one before it saw.
        ages = own["age_ns"][:, 0]
        seen = own["decided_ns"] - ages
        assert (np.diff(seen[ages >= 0]) >= 0).all()


@settings(max_examples=40, deadline=None)
@given(STEPS, st.sets(st.integers(0, 60)), st.booleans())
def test_replay_of_every_block_is_identical(
    steps: list[Step],
    cuts: set[int],
    shadow: bool,  # noqa: FBT001
) -> None:
    loop = played(steps, cuts, shadow=shadow)

    again = asking_fold(shadow_router=shadow)
    for block, decided in zip(loop.blocks, loop.decided, strict=True):
        recorded = read_block(block)
        learn_names(again, recorded)
        repeated = again.replay(recorded.contexts, recorded.received, recorded.applied)
        assert repeated.outcomes.tobytes() == decided.outcomes.tobytes()
        assert {n: a.rows for n, a in repeated.arms.items()} == {
            n: a.rows for n, a in decided.arms.items()
        }
        assert [a.row for a in repeated.asked] == [a.row for a in decided.asked]
        assert repeated.resolved == decided.resolved
        assert [n for n, _ in recorded.resolutions] == decided.resolved
    assert _states(again) == _states(loop.fold)


@settings(max_examples=30, deadline=None)
@given(STEPS, st.sets(st.integers(0, 60)))
def test_snapshot_remembers_what_waits(steps: list[Step], cuts: set[int]) -> None:
    loop = played(steps, cuts)

    again = asking_fold()
    restore_snapshot(again, take_snapshot(loop.fold))

    assert [again.awaiting(n) for n in range(3)] == [loop.fold.awaiting(n) for n in range(3)]


def test_the_courses_reach_what_they_are_about() -> None:
    steps = [("context", n) if n % 3 else ("resolve", n // 3) for n in range(60)]
    loop = played(steps, set(range(60)))

    assert sum(len(one.asked) for one in loop.decided) > 3
    assert sum(len(one.resolved) for one in loop.decided) > 3
    assert any(PENDING in one.outcomes for one in loop.decided)


def _states(fold: DecisionFold) -> dict[str, bytes]:
    """Return the memory of every arm."""
    return {name: states.tobytes() for name, states in fold.arms.items()}
