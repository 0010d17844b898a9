"""How the service stands: the heartbeat that subscribers get, and the status that people read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from torghut.decisions.fold.folding import DecisionFold
from torghut.kernel.clock import SteadyClock, WallClock
from torghut.kernel.ids import (
    SERVING,
    ContextId,
    DecisionId,
    format_decision_id,
    source_key_of_words,
)
from torghut.kernel.units import MS_PER_S
from torghut.schemas.codes import Mode, Stream, published_name
from torghut.schemas.live.delivery import Heartbeat, LiveState
from torghut.schemas.live.worker import OpenOrder, SymbolStatus, WorkerStatus
from torghut.workflows.live.loop.condition import Condition
from torghut.workflows.live.loop.deciding import LiveLoop
from torghut.workflows.live.loop.in_force import latched_anywhere
from torghut.workflows.live.observing.latency import LatencyTally
from torghut.workflows.live.switching import Switchboard

_SYMBOLS_MAX: Final = 20
_LIVE: Final = int(Mode.LIVE)

Phase = Literal["starting", "serving", "draining", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What does not change while a worker lives."""

    worker: str
    pid: int
    log: str
    source: str
    revision: str


@dataclass(slots=True, kw_only=True)
class Standing:
    """Says how one worker stands.

    Attributes:
        identity: Of the worker.
        loop: Of the worker.
        condition: What is not as it should be.
        switches: What is thrown.
        wall: For people.
        steady: For the rhythm of heartbeats.
        latency: Of the outcomes since the start.
        phase: Of the worker's life.
        api: Where it listens; empty where it does not.
        subscribers: Tells how many listen.
    """

    identity: Identity
    loop: LiveLoop
    condition: Condition
    switches: Switchboard
    wall: WallClock
    steady: SteadyClock
    latency: LatencyTally = field(default_factory=LatencyTally)
    phase: Phase = "starting"
    api: str = ""
    subscribers: Callable[[], int] = lambda: 0
    _started_wall_ns: int = field(init=False)
    _beat: asyncio.Event = field(default_factory=asyncio.Event)
    _line: tuple[int, bytes] = (-1, b"")

    def __post_init__(self) -> None:
        self._started_wall_ns = self.wall.now_ns()

    def changed(self) -> None:
        """Let the next heartbeat be due at once."""
        self._line = (-1, b"")
        waited, self._beat = self._beat, asyncio.Event()
        waited.set()

    async def beats(self) -> None:
        """Wait until something changed, at most one interval."""
        waited = self._beat
        try:
            async with asyncio.timeout(self.loop.policy.telling.heartbeat_ms / MS_PER_S):
                await waited.wait()
        except TimeoutError:
            return

    def heartbeat(self) -> bytes:
        """Return a heartbeat of now, one line; asked again at once, the same."""
        slot = self.steady.now_ns() // 50_000_000
        if self._line[0] != slot:
            self._line = (slot, self._heartbeat().model_dump_json().encode())
        return self._line[1]

    def judge(self) -> tuple[LiveState, str]:
        """Return what the trading loop is told, and why."""
        if self.phase != "serving":
            return "stale", f"the service is {self.phase}"
        return self.condition.judge(self.switches.stop(self.loop.fold))

    def unready(self) -> Sequence[str]:
        """Return what keeps the service from deciding durably, in words."""
        missing = [] if self.phase == "serving" else [f"the service is {self.phase}"]
        if self.loop.holding:
            missing.append("the log cannot be written durably")
        return missing

    def status(self) -> WorkerStatus:
        """Return everything about the worker."""
        state, reason = self.judge()
        loop, fold, tally = self.loop, self.loop.fold, self.loop.tally
        newest = loop.outcomes.newest
        return WorkerStatus(
            worker=self.identity.worker,
            pid=self.identity.pid,
            phase=self.phase,
            started_wall_ns=self._started_wall_ns,
            written_wall_ns=self.wall.now_ns(),
            log=self.identity.log,
            api=self.api,
            source=self.identity.source,
            speed=loop.speed,
            state=state,
            reason=reason,
            position=None if newest is None else str(newest),
            contexts=tally.contexts,
            decisions=tally.decisions,
            refused=tally.refused,
            control_records=tally.control_records,
            last_decision_wall_ns=loop.last_decision_wall_ns,
            lag_ms=loop.lag_ms,
            pending=len(loop.line),
            subscribers=self.subscribers(),
            symbols=symbols_of(fold),
            packages={name: digest for name, digest in fold.served.items() if digest},
            declarations=fold.declared,
            kernel_version=fold.kernel.version,
            revision=self.identity.revision,
            switches=self.switches.standing(fold),
            latch=latched_anywhere(fold),
            degraded=tuple(self.condition.modes),
            acknowledged=self.switches.acknowledged,
            durable_within=self.latency.within(),
        )

    def _heartbeat(self) -> Heartbeat:
        """Return a heartbeat of now."""
        state, reason = self.judge()
        loop = self.loop
        newest = loop.outcomes.newest
        return Heartbeat(
            worker=self.identity.worker,
            wall_ns=self.wall.now_ns(),
            position=None if newest is None else str(newest),
            control_records=loop.tally.control_records,
            state=state,
            reason=reason,
            switches=tuple(sorted({one.name for one in self.switches.standing(loop.fold)})),
            degraded=tuple(mode.code for mode in self.condition.modes),
            speed=loop.speed,
        )


def order_of(symbol: str, state: np.void) -> OpenOrder | None:
    """Return the order that the consumer may still be working on; None where there is none.

    Args:
        symbol: Its name.
        state: Its row of dtype ``STATE``.
    """
    if int(state["mode"]) != _LIVE or not state["target_open"]:
        return None
    key = source_key_of_words(int(state["target_low"]), int(state["target_high"]))
    context = ContextId(
        source_key=key,
        symbol=symbol,
        stream=published_name(Stream(int(state["target_stream"]))),
        sequence=int(state["target_sequence"]),
    )
    return OpenOrder(
        decision_id=format_decision_id(DecisionId(context=context)),
        quantity=float(state["target"] - state["reported_position"]),
    )


def symbols_of(fold: DecisionFold) -> tuple[SymbolStatus, ...]:
    """Return what holds for the first symbols of a fold."""
    found: list[SymbolStatus] = []
    for facts, state in zip(fold.symbols, fold.arms[SERVING], strict=True):
        live = int(state["mode"]) == _LIVE
        position = state["reported_position"] if live else state["paper_position"]
        found.append(
            SymbolStatus.model_validate(
                {
                    "symbol": facts.name,
                    "mode": published_name(Mode(int(state["mode"]))),
                    "notional_cap": float(state["notional_cap"]),
                    "position": float(position),
                    "position_basis": "reported" if live else "paper",
                    "target": float(state["target"]),
                    "decisions": int(state["sequence"]),
                    "order": order_of(facts.name, state),
                }
            )
        )
        if len(found) == _SYMBOLS_MAX:
            break
    return tuple(found)
