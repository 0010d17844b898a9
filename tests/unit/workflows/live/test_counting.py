"""A block that was told is counted to the unit, measured, said and traced, after it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.fakes.clock import HandClock, Stopwatch
from tests.fakes.observing import KeptJournal, KeptTracer, RecordedTelemetry
from torghut.adapters.prometheus.page import PrometheusPage
from torghut.decisions.fold.batch import ArmRows, Decided, Refused
from torghut.decisions.fold.judging import ControlRefusal
from torghut.eventlog.block import Arm, Block
from torghut.kernel.clock import SteadyNs, WallNs
from torghut.market.ports import Arrival, Quarantined
from torghut.schemas.codes import Intent, Path, Reason, RefusalCode
from torghut.schemas.control import LagBegan, SwitchThrown
from torghut.schemas.observing.catalogue import BUILD_LABELS, INGRESS_TO_DURABLE
from torghut.schemas.observing.log_events import AdvisedLate, BlockCommitted, ControlRefused
from torghut.schemas.rows import DECISION
from torghut.schemas.staging.latency import BOUNDS_S
from torghut.workflows.live.advice.awaiting import Waited
from torghut.workflows.live.intake.stamping import Stamp
from torghut.workflows.live.intake.waiting import WaitingContext
from torghut.workflows.live.loop.blocks import Done, Gathered
from torghut.workflows.live.loop.counting import BlockCounting
from torghut.workflows.live.observing.latency import LatencyTally
from torghut.workflows.live.observing.tracing import BlockTrace
from torghut.workflows.slo.scraping import latency_of

MS = 1_000_000
STOP = SwitchThrown(control_id="s-1", name="stop", state="thrown", reason="test")
LAG = LagBegan(control_id="lag:1:begin")


def arm_rows(decisions: Sequence[tuple[Intent, Path, Sequence[Reason]]]) -> ArmRows:
    """Return rows of decisions that say no more than this."""
    rows = np.zeros(len(decisions), dtype=DECISION)
    for row, (intent, path, reasons) in zip(rows, decisions, strict=True):
        row["intent"], row["path"] = intent, path
        row["reasons"] = sum(1 << reason for reason in reasons)
    return ArmRows(rows=rows.tobytes(), leaves=bytes(32 * len(decisions)))


def context(came_ms: int) -> WaitingContext:
    """Return a context that came in at some time of the steady clock."""
    stamp = Stamp(receive_ns=0, came_ns=SteadyNs(came_ms * MS), wall_ns=WallNs(0))
    return WaitingContext(context_id=f"c-{came_ms}", symbol="x:Y", source="", row=(), stamp=stamp)


def done(arm: ArmRows, outcomes: Sequence[int] = (), **parts: Any) -> Done:  # noqa: ANN401
    """Return a block that was told."""
    decided = Decided(
        outcomes=np.array(outcomes, dtype=np.uint8),
        arms={"serving": arm},
        received=parts.get("received", []),
        repeated=parts.get("repeated", []),
        refused=parts.get("refused", []),
        asked=[],
        shadowed=[],
        resolved=[],
        applied=[],
        lineages={},
    )
    block = Block(
        partition=0,
        number=7,
        previous="0" * 64,
        header=b"",
        cursor="",
        inputs=b"",
        records=b"",
        arms={"serving": Arm(rows=b"", leaves=b"")},
    )
    return Done(
        block=block,
        decided=decided,
        gathered=Gathered(
            contexts=parts.get("contexts", []), quarantined=parts.get("quarantined", [])
        ),
        lines=[],
        waited=parts.get("waited", []),
        decide_ns=2 * MS,
        durable_ns=3 * MS,
        durable_at_ns=20 * MS,
    )


@dataclass(slots=True)
class Observed:
    """A counting and everything that it is given to."""

    telemetry: RecordedTelemetry = field(default_factory=RecordedTelemetry)
    journal: KeptJournal = field(default_factory=KeptJournal)
    tracer: KeptTracer = field(default_factory=KeptTracer)
    steady: Stopwatch = field(default_factory=Stopwatch)
    wall: HandClock = field(default_factory=HandClock)

    @property
    def counting(self) -> BlockCounting:
        """The counting."""
        return BlockCounting(
            telemetry=self.telemetry,
            journal=self.journal,
            tracer=self.tracer,
            wall=self.wall,
            steady=self.steady,
        )

    def counted(self, name: str) -> dict[str, int]:
        """Return a metric's counts above 0 by its labels."""
        return {
            key.removeprefix(name).removeprefix(","): count
            for key, count in self.telemetry.counted.items()
            if key.partition(",")[0] == name and count
        }


def test_contexts_are_counted_by_what_became_of_them() -> None:
    seen = Observed()
    quarantined = Quarantined(
        part=0, record=0, refusal=RefusalCode.UNDECODABLE, digest="0" * 64, excerpt=""
    )
    told = done(
        arm_rows([(Intent.HOLD, Path.FAST, [])] * 2),
        [0, RefusalCode.DUPLICATE, 0, RefusalCode.DUPLICATE, RefusalCode.CROSSED_BOOK],
        contexts=[context(1)] * 5,
        quarantined=[("", quarantined)],
    )

    seen.counting.count(told, 21 * MS)

    assert seen.counted("torghut_live_contexts_total") == {
        "decided": 2,
        "refused": 3,
        "quarantined": 1,
    }
    assert seen.counted("torghut_live_refusals_total") == {
        "market.duplicate": 2,
        "market.crossed-book": 1,
        "market.undecodable": 1,
    }
    assert seen.counted("torghut_live_blocks_total") == {"": 1}


def test_decisions_are_counted_by_intent_and_path_and_by_why_the_safe_path_answered() -> None:
    seen = Observed()
    off, high = Reason.REASONING_OFF, Reason.ENTROPY_HIGH
    told = done(
        arm_rows(
            [
                (Intent.BUY, Path.FAST, [Reason.STATIC_WEIGHTS]),
                (Intent.BUY, Path.SLOW, [off, high]),
                (Intent.SELL, Path.SLOW, [off]),
                (Intent.ABSTAIN, Path.FAST, [high, Reason.SESSION_CLOSED]),
                (Intent.BUY, Path.FAST, []),
            ]
        ),
        [0] * 5,
    )

    seen.counting.count(told, 21 * MS)

    assert seen.counted("torghut_live_decisions_total") == {
        "buy,fast": 2,
        "buy,slow": 1,
        "sell,slow": 1,
        "abstain,fast": 1,
    }
    assert seen.counted("torghut_live_fallbacks_total") == {
        "reasoning-off": 2,
        "entropy-high": 2,
    }


def test_control_records_are_counted_and_one_that_cannot_hold_is_said() -> None:
    seen = Observed()
    refused = Refused(arrival=Arrival(row=0, record=STOP), code=ControlRefusal.ID_TAKEN)
    told = done(
        arm_rows([]),
        received=[Arrival(row=0, record=LAG)],
        repeated=[Arrival(row=0, record=STOP)] * 2,
        refused=[refused],
    )

    seen.counting.count(told, 21 * MS)

    assert seen.counted("torghut_live_control_records_total") == {
        "lag-begin,taken": 1,
        "switch,repeated": 2,
        "switch,refused": 1,
    }
    assert seen.journal.said[0] == (
        ControlRefused(control_id="s-1", kind="switch", symbol="*", code="control.id-taken"),
        "s-1",
    )


def test_each_context_is_measured_from_when_it_came_in() -> None:
    seen = Observed()
    told = done(
        arm_rows([(Intent.HOLD, Path.FAST, [])] * 2), [0, 0], contexts=[context(10), context(14)]
    )

    seen.counting.count(told, 21 * MS)

    assert seen.telemetry.observed == {
        "torghut_live_decide_duration_seconds": [0.002],
        "torghut_live_commit_duration_seconds": [0.003],
        "torghut_live_ingress_to_durable_seconds": [0.010, 0.006],
        "torghut_live_ingress_to_handed_over_seconds": [0.011, 0.007],
    }


def test_what_waited_and_is_handed_over_after_its_budget_is_counted_and_named() -> None:
    seen = Observed()
    waited = [
        Waited(context_id=name, came_ns=SteadyNs(1 * MS), due_ns=due_ns)
        for name, due_ns in (("in time", 21 * MS), ("late", 20 * MS), ("without one", 0))
    ]

    seen.counting.count(done(arm_rows([]), waited=waited), 21 * MS)

    assert seen.counted("torghut_live_advised_late_decisions_total") == {"": 1}
    assert (AdvisedLate(context_id="late", late_seconds=0.001), "late") in seen.journal.said
    assert [name for _, name in seen.journal.said] == ["late", "0:7"]


def test_a_block_is_said_and_traced_with_its_place() -> None:
    seen = Observed(steady=Stopwatch(time_ns=24 * MS))
    told = done(arm_rows([(Intent.HOLD, Path.FAST, [])]), [0, 9], contexts=[context(1)] * 2)

    seen.counting.count(told, 21 * MS)

    assert seen.journal.said == [
        (
            BlockCommitted(
                block=7,
                contexts=2,
                refused=1,
                control_records=0,
                decide_seconds=0.002,
                commit_seconds=0.003,
            ),
            "0:7",
        )
    ]
    assert seen.tracer.blocks == [
        BlockTrace(
            partition=0,
            number=7,
            contexts=2,
            decisions=1,
            control_records=0,
            begun_wall_ns=seen.wall.time_ns - 9 * MS,
            decide_ns=2 * MS,
            commit_ns=3 * MS,
            hand_over_ns=MS,
        )
    ]


def test_blocks_are_counted_once_and_behind_who_waits_for_them() -> None:
    seen, order = Observed(), list[str]()
    counting = seen.counting

    async def tell() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(2):
            outcome: asyncio.Future[bytes] = loop.create_future()
            outcome.add_done_callback(lambda _: order.append(f"told at {len(seen.journal.said)}"))
            outcome.set_result(b"")
            counting.told(done(arm_rows([])))
            await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        order.append(f"counted {len(seen.journal.said)}")

    asyncio.run(tell())

    assert order == ["told at 0", "told at 0", "counted 2"]


def test_what_stands_on_the_workers_page_is_what_the_metric_counts() -> None:
    page, tally = PrometheusPage(dict.fromkeys(BUILD_LABELS, "x")), LatencyTally()
    seconds = [0.0, 0.0001, 0.00011, 0.25, 0.2500001, 29.9, 30.0, 31.0, 1e9]
    page.observe(INGRESS_TO_DURABLE, seconds)
    tally.observe(seconds)

    assert latency_of(page.text().decode()).counts == tally.within()
    assert latency_of(page.text().decode()).bounds_s == BOUNDS_S
