"""Made-up runs with everything that a report counts, observed or read back from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tests.fakes.clock import HandClock, SteppingClock
from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, START_NS, walk
from torghut.decisions.fold.folding import DecisionFold
from torghut.eventlog.memory import InMemoryLog
from torghut.market.ports import Arrival, Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import LimitsAllotted, StopChanged
from torghut.workflows.decision_loop import Committed, LoopSettings, Run, run_loop
from torghut.workflows.opening import Setup, open_fold
from torghut.workflows.report.summary import RunFacts, Summary
from torghut.workflows.run_report import RunReport, run_report
from torghut.workflows.run_summary import summarise

SYMBOLS = ("fxcm:EURUSD", "fxcm:NZDUSD", "binance-spot:ETHUSDT")
FACTS = RunFacts(
    source_kind="array",
    parts=("part-0", "part-1"),
    licence="none: made up",
    assumptions={"zone": "UTC"},
    log="run.log",
    page="run.html",
    root="ab" * 32,
    head_number=3,
    head_digest="cd" * 32,
    commands=("torghut log verify",),
)


def market(count: int = 1200, *, seed: int = 5) -> npt.NDArray[np.void]:
    """Return contexts of two symbols, 20 s apart, some of them refusable."""
    rows = walk(count, symbols=2, seed=seed)
    rows["receive_ns"] = START_NS + np.arange(count) * 20 * SECOND_NS
    rows["event_ns"] = rows["receive_ns"]
    return rows


def source(rows: npt.NDArray[np.void]) -> ArraySource:
    """Return a source of ``rows`` with control records and undecodable records between them."""
    middle = int(rows["receive_ns"][len(rows) // 2])
    later = int(rows["receive_ns"][2 * len(rows) // 3])
    stop = StopChanged(control_id="s", state="stopped", reason="r", effective_at_ns=middle)
    bad = Quarantined(
        part=1, record=7, refusal=RefusalCode.UNDECODABLE, digest="ef" * 32, excerpt="{<b>no"
    )
    return ArraySource(
        rows=rows,
        symbols=SYMBOLS,
        arrivals=[
            Arrival(
                row=0,
                record=LimitsAllotted(control_id="l", symbol=SYMBOLS[0], allotment=50_000.0),
            ),
            Arrival(
                row=0,
                record=stop,
            ),
            Arrival(
                row=0,
                record=StopChanged(
                    control_id="t", state="released", reason="r", effective_at_ns=later
                ),
            ),
            Arrival(row=40, record=stop),
            Arrival(row=41, record=StopChanged(control_id="s", state="released", reason="again")),
        ],
        quarantined=[(row, bad) for row in (3, 4, 5, 6, 90)],
    )


@dataclass(slots=True, kw_only=True, repr=False)
class Observed:
    """A report with all that it was told of."""

    fold: DecisionFold
    report: RunReport
    log: InMemoryLog
    told: list[Committed] = field(default_factory=list)

    def summary(self) -> Summary:
        """Return what the report says."""
        return summarise(self.report, FACTS)


def observe(
    part: ArraySource,
    *,
    sizes: Sequence[int] = (4000, 8192),
    log: InMemoryLog | None = None,
    static_trend: bool = True,
    recall: bool = False,
) -> Observed:
    """Run ``part`` into a log, observed.

    Args:
        part: What to decide.
        sizes: Records of a block, and decisions that the report sums up together.
        log: To go on with; a new one by default.
        static_trend: Whether the baseline is asked for.
        recall: Whether the report first takes in what the log already holds.
    """
    return asyncio.run(
        _observe(part, sizes, log or InMemoryLog(clock=HandClock()), static_trend, recall)
    )


async def _observe(
    part: ArraySource,
    sizes: Sequence[int],
    log: InMemoryLog,
    static_trend: bool,  # noqa: FBT001
    recall: bool,  # noqa: FBT001
) -> Observed:
    setup = Setup(
        kernel=compiled(),
        declarations=shipped(),
        packages={"fx-intraday": eager_package()},
        shadow_router=True,
    )
    opened = await open_fold(log, setup)
    names = {part.digest: part.name for part in part.description.parts}
    report = run_report(
        opened.fold, HandClock(), static_trend=static_trend, parts=names, together=sizes[1]
    )
    seen = Observed(fold=opened.fold, report=report, log=log)
    if recall:
        await report.recall(log)

    def tell(committed: Committed) -> None:
        seen.told.append(committed)
        report.observe(committed)

    run = Run(
        source=part,
        log=log,
        fold=opened.fold,
        controls=opened.controls,
        observer=tell,
        clock=SteppingClock(step_ns=1_000_000),
        settings=LoopSettings(batch_records=sizes[0]),
    )
    await run_loop(run)
    return seen
