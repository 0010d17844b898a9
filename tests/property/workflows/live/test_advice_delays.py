"""However late advice comes, a listener never gets a target of an older state than the last one."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from tests.fakes.live import Listener, World, live_policy, offered
from tests.fakes.virtual_time import run_virtually
from tests.support.decisions.asking import BUDGET_MS, LEVELS, NAMES, asking, mode_record
from tests.support.decisions.loops import made_setup
from tests.support.decisions.packages import eager_package
from torghut.decisions.declarations import Declarations
from torghut.schemas.declarations.governance import GatePolicies
from torghut.schemas.live.position import START
from torghut.workflows.live.advice.awaiting import Advisor, Answer, Question
from torghut.workflows.live.assembly import LiveWorker

WARM: Final = 22  # contexts of a symbol, a second apart, until it wishes for a position
DRIFT: Final = 3e-5
LATEST_S: Final = 2 * BUDGET_MS / 1000
NO_RAISE: Final = {"advice-vetoed", "advice-deferred", "advice-timed-out"}
"""After these, a target is no larger than the one before it."""

Step = tuple[int, float]
"""Which symbol's context comes next, and how many seconds pass until the one after it."""

STEPS: Final = st.lists(
    st.tuples(
        st.integers(0, len(NAMES) - 1),
        st.sampled_from([0.0, 0.05, 0.4, 1.0]) | st.floats(0.0, 1.5),
    ),
    min_size=20,
    max_size=60,
)
ANSWERS: Final = st.lists(
    st.tuples(
        st.floats(0.0, LATEST_S), st.sampled_from(["approve", "adjust", "adjust", "veto", "defer"])
    ),
    min_size=1,
    max_size=12,
)

Line = Mapping[str, Any]
"""A line as a listener gets it."""


@dataclass(slots=True)
class Dawdler(Advisor):
    """Takes for each question as long as is drawn for it, or is said to.

    Attributes:
        answers: Seconds and verdict of each, over and over.
        asked: How many questions there were.
    """

    answers: Iterator[tuple[float, str]]
    asked: int = 0

    @override
    def ask(self, question: Question, answered: Callable[[Answer], None]) -> None:
        self.asked += 1
        after_s, how = next(self.answers)
        fields = {"resolution": how, "factor": 0.5 if how == "adjust" else None, "confidence": 0.8}
        answer = Answer(**fields)  # type: ignore[arg-type]
        asyncio.get_running_loop().call_later(after_s, answered, answer)


@cache
def restless() -> Declarations:
    """Return declarations under which a symbol that changed its target may change it again."""
    declared = asking()
    body = declared.gates.model_dump(mode="json")
    for gate in body["gates"]:
        if gate["id"] == "dwell":
            gate["threshold"]["default"] = 0.0
            gate["threshold"]["by_asset_class"] = {}
    gates = GatePolicies.model_validate_json(json.dumps(body))
    return dataclasses.replace(declared, gates=gates)


def bid_of(name: str, sequence: int) -> float:
    """Return what a symbol's quote bids: each more than the one before, which tells its age.

    It rises now faster and now slower, so that targets change while a context waits.
    """
    return LEVELS[NAMES.index(name)] * (1.0 + DRIFT * (sequence + 2.8 * math.sin(sequence / 3)))


@dataclass(slots=True)
class Market:
    """Quotes of some symbols.

    Attributes:
        worker: That decides them.
        waiting: For what becomes of each.
    """

    worker: LiveWorker
    waiting: list[asyncio.Task[Sequence[bytes]]] = field(default_factory=list)
    sequences: dict[int, int] = field(default_factory=lambda: defaultdict(int))

    def quote(self, number: int) -> None:
        """Let a symbol's next quote come."""
        self.sequences[number] += 1
        sequence = self.sequences[number]
        bid = bid_of(NAMES[number], sequence)
        one = offered(sequence, symbol=NAMES[number], bid=bid, ask=bid * (1.0 + 1e-5))
        self.waiting.append(asyncio.ensure_future(self.worker.desk.decide([one])))


async def heard(steps: Sequence[Step], dawdler: Dawdler) -> Sequence[Line]:
    """Return what a listener gets while steps are taken."""
    packages = {one: eager_package(one) for one in ("fx-intraday", "crypto-intraday")}
    made = World(
        setup=made_setup(restless(), packages), policy=live_policy(door=(("answer_ms", 20_000),))
    )
    made.advisor = dawdler
    listener = Listener()
    async with made.living() as worker:
        listening = asyncio.ensure_future(listener.listen(worker.desk.follow(START)))
        await worker.desk.submit([mode_record("active")])
        market = Market(worker)
        for _ in range(WARM):
            for number in range(len(NAMES)):
                market.quote(number)
            await asyncio.sleep(1)
        for number, gap_s in steps:
            market.quote(number)
            await asyncio.sleep(gap_s)
        await asyncio.gather(*market.waiting)
        await asyncio.sleep(LATEST_S)
        listening.cancel()
    return listener.lines


def of_symbol(lines: Sequence[Line], name: str) -> Sequence[Line]:
    """Return the lines of a symbol."""
    return [one for one in lines if one["decision"]["symbol"] == name]


def check_states(own: Sequence[Line]) -> None:
    """Check that no line of a symbol is of an older state than the one before it."""
    places = [tuple(map(int, str(one["position"]).split(":"))) for one in own]
    decisions = [one["decision"] for one in own]
    assert places == sorted(set(places))
    assert [one["sequence"] for one in decisions] == list(range(1, len(own) + 1))
    # The price is that of the newest context so far, whichever context the line is about.
    prices = [one["bid"] for one in decisions]
    newest = 0
    for one in decisions:
        newest = max(newest, int(one["source_sequence"]))
        assert one["bid"] == bid_of(one["symbol"], newest)
        assert one["bid"] < one["reference_price"] < one["ask"]
    assert prices == sorted(prices)


def check_targets(own: Sequence[Line]) -> None:
    """Check that what holds a target, or raises none, holds the one that a listener got last."""
    decisions = [one["decision"] for one in own]
    for last, one in itertools.pairwise(decisions):
        before, after = last["target_position"], one["target_position"]
        if before is None or after is None:
            continue  # one of them abstains
        if "advice-superseded" in one["reasons"]:
            assert after == before
        if NO_RAISE & set(one["reasons"]):
            assert abs(after) <= abs(before)


@settings(max_examples=20, deadline=None)
@given(STEPS, ANSWERS)
def test_listener_never_gets_a_target_of_an_older_state_than_the_last(
    steps: Sequence[Step], answers: Sequence[tuple[float, str]]
) -> None:
    lines = run_virtually(heard(steps, Dawdler(itertools.cycle(answers))))

    assert len(lines) == len(steps) + WARM * len(NAMES)
    for name in NAMES:
        check_states(of_symbol(lines, name))
        check_targets(of_symbol(lines, name))


def test_the_courses_reach_what_they_are_about() -> None:
    dawdler = Dawdler(itertools.cycle([(0.3, "adjust"), (1.1, "approve"), (LATEST_S, "veto")]))
    lines = run_virtually(heard([(n % 3, 0.2) for n in range(240)], dawdler))

    for name in NAMES:
        check_states(of_symbol(lines, name))
        check_targets(of_symbol(lines, name))
    reasons = Counter(reason for one in lines for reason in one["decision"]["reasons"])
    overtaken = [
        two
        for name in NAMES
        for one, two in itertools.pairwise(of_symbol(lines, name))
        if int(two["decision"]["source_sequence"]) < int(one["decision"]["source_sequence"])
    ]
    assert dawdler.asked > 20
    assert len(overtaken) > 10
    assert set(reasons) >= {"advice-approved", "advice-adjusted", "advice-timed-out"}
    assert reasons["advice-superseded"] > 0
