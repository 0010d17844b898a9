"""A live service without a loop: says what a test lets it say, remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import yaml
from typing_extensions import override

from tests.support.decisions.declared import text_of
from torghut.kernel.errors import TorghutError
from torghut.kernel.ids import parse_context_id
from torghut.market.ports import Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import ControlRecord
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.live.delivery import Answered, Heartbeat, Refused
from torghut.schemas.live.position import START, Position
from torghut.schemas.live.worker import SwitchStanding, WorkerStatus
from torghut.schemas.refusal import ContextRefused
from torghut.workflows.live.errors import AnswerLateError
from torghut.workflows.live.offers import OfferedContext
from torghut.workflows.live.ports import Desk, Told
from torghut.workflows.live.switching import check_ends

FIRST: Final = Position(0, 0, 0)
T0: Final = 1_700_000_000_000_000_000


@cache
def shipped_policy() -> LivePolicy:
    """Return how the live service of this checkout behaves."""
    return LivePolicy.model_validate(yaml.safe_load(text_of("governance/policies/live.yaml")))


def policy_with(**changed: dict[str, int]) -> LivePolicy:
    """Return the shipped policy with some of its numbers changed, by section."""
    body = shipped_policy().model_dump()
    for section, numbers in changed.items():
        body[section] |= numbers
    return LivePolicy.model_validate(body)


def refused(context_id: str, position: Position) -> bytes:
    """Return the line that tells of a refused context, without a line feed."""
    named = parse_context_id(context_id)
    refusal = ContextRefused(
        context_id=context_id,
        symbol=named.symbol,
        stream=named.stream,
        source_sequence=named.sequence,
        event_ns=T0,
        receive_ns=T0,
        code=RefusalCode.CROSSED_BOOK.code,
    )
    told = Refused(position=str(position), ingress_wall_ns=T0, speed=1.0, refusal=refusal)
    return told.model_dump_json().encode()


@dataclass(slots=True, kw_only=True)
class FakeDesk(Desk):
    """Refuses every context, a block each, and takes every control record.

    Attributes:
        bound: What it is bound by.
        refuse: Raised by whatever would take something; None to take it.
        fail: Raised by everything; None to go on.
        slow_s: How long it takes to decide.
        missing: What keeps it from being ready.
        ends: Whether what is followed ends with what there is.
        kept: Every line told so far, by position.
        taken: Control records taken so far.
        released: Switches released, with reason and who.
        offers: Contexts taken so far.
        state: Said by heartbeats.
        breaks: Raised once there is nothing more to follow; None to wait for more.
        following: How many follow.
        left: Set once nobody follows any more.
    """

    bound: LivePolicy = field(default_factory=shipped_policy)
    refuse: TorghutError | None = None
    fail: Exception | None = None
    slow_s: float = 0.0
    missing: tuple[str, ...] = ()
    ends: bool = False
    kept: list[tuple[Position, bytes]] = field(default_factory=list)
    taken: list[ControlRecord] = field(default_factory=list)
    released: list[tuple[str, str, str]] = field(default_factory=list)
    offers: list[OfferedContext] = field(default_factory=list)
    state: str = "live"
    breaks: TorghutError | None = None
    following: int = 0
    left: asyncio.Event = field(default_factory=asyncio.Event)
    _next: asyncio.Event = field(default_factory=asyncio.Event)
    _beat: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    @override
    def policy(self) -> LivePolicy:
        return self.bound

    def publish(self, line: bytes, position: Position | None = None) -> Position:
        """Tell a line to all who follow."""
        at = position or Position(0, len(self.kept), 0)
        self.kept.append((at, line))
        waited, self._next = self._next, asyncio.Event()
        waited.set()
        return at

    def change(self, state: str) -> None:
        """Let a heartbeat that says something else be due at once."""
        self.state = state
        waited, self._beat = self._beat, asyncio.Event()
        waited.set()

    @override
    async def decide(self, offered: Sequence[OfferedContext]) -> Sequence[bytes]:
        self._check()
        await self._take_time("contexts")
        return [self._outcome(one) for one in offered]

    @override
    def offer(self, offered: Sequence[OfferedContext]) -> Sequence[bytes]:
        self._check()
        known = {one.context_id for one in self.offers}
        for one in offered:
            self._outcome(one)
        return [refused(one.context_id, FIRST) for one in offered if one.context_id in known]

    @override
    async def room(self) -> None:
        return

    @override
    def quarantine(self, feed: str, record: Quarantined) -> None:
        self._check()

    @override
    async def submit(self, records: Sequence[ControlRecord]) -> Sequence[Answered]:
        self._check()
        await self._take_time("control records")
        self.taken += records
        return [
            Answered(
                control_id=one.control_id, status="taken", code="", detail="", position="0:0:0"
            )
            for one in records
        ]

    @override
    async def release(
        self, name: str, *, reason: str, who: str, ends: Collection[str] | None = None
    ) -> Answered:
        self._check()
        check_ends(self.status().switches, name, ends)
        self.released.append((name, reason, who))
        return Answered(
            control_id=f"switch:{name}", status="taken", code="", detail="", position="0:0:0"
        )

    @override
    async def follow(self, after: Position | None) -> AsyncGenerator[Told]:
        at = after or self.newest() or START
        self.following += 1
        try:
            while True:
                waited = self._next
                told = [(position, line) for position, line in self.kept if position > at]
                if told:
                    at = told[-1][0]
                    lines = b"".join(line + b"\n" for _, line in told)
                    yield Told(lines=lines, last=at, count=len(told))
                elif self.breaks is not None:
                    raise self.breaks
                elif self.ends:
                    return
                else:
                    await waited.wait()
        finally:
            self.following -= 1
            if not self.following:
                self.left.set()

    @override
    def follow_controls(self, after: Position | None) -> AsyncGenerator[Told]:
        return self.follow(after)

    @override
    def newest(self) -> Position | None:
        return self.kept[-1][0] if self.kept else None

    @override
    def newest_control(self) -> Position | None:
        return self.newest()

    @override
    async def outcome(self, context_id: str) -> bytes | None:
        self._check()
        await asyncio.sleep(self.slow_s)
        name = context_id.encode()
        return next((line for _, line in self.kept if name in line), None)

    @override
    def heartbeat(self) -> bytes:
        newest = self.newest()
        beat = {
            "worker": "worker-1",
            "wall_ns": T0,
            "position": None if newest is None else str(newest),
            "control_records": len(self.taken),
            "state": self.state,
            "reason": "",
            "switches": (),
            "degraded": (),
            "speed": 1.0,
        }
        return Heartbeat.model_validate(beat).model_dump_json().encode()

    @override
    async def beats(self) -> None:
        try:
            async with asyncio.timeout(self.bound.telling.heartbeat_ms / 1000):
                await self._beat.wait()
        except TimeoutError:
            return

    @override
    def status(self) -> WorkerStatus:
        if self.fail is not None:
            raise self.fail
        return WorkerStatus.model_validate(
            {
                "worker": "worker-1",
                "pid": 1,
                "phase": "serving",
                "started_wall_ns": T0,
                "written_wall_ns": T0,
                "log": "decisions.log",
                "api": "http://127.0.0.1:8787",
                "source": "api:",
                "speed": 1.0,
                "state": "live",
                "reason": "",
                "position": None,
                "contexts": len(self.offers),
                "decisions": 0,
                "refused": len(self.offers),
                "control_records": len(self.taken),
                "last_decision_wall_ns": None,
                "lag_ms": None,
                "pending": 0,
                "subscribers": 0,
                "symbols": (),
                "packages": {},
                "declarations": "0" * 64,
                "kernel_version": 2,
                "switches": (thrown_stop(),),
                "latch": False,
                "degraded": (),
                "acknowledged": (),
            }
        )

    @override
    def unready(self) -> Sequence[str]:
        return self.missing

    async def _take_time(self, what: str) -> None:
        """Take as long as a test wants, within the budget of an answer."""
        budget_ms = self.bound.door.answer_ms
        try:
            async with asyncio.timeout(budget_ms / 1000):
                await asyncio.sleep(self.slow_s)
        except TimeoutError as error:
            raise AnswerLateError(what=what, budget_ms=budget_ms) from error

    def _outcome(self, one: OfferedContext) -> bytes:
        """Refuse a context."""
        self.offers.append(one)
        line = refused(one.context_id, Position(0, len(self.kept), 0))
        self.publish(line)
        return line

    def _check(self) -> None:
        """Raise what a test wants raised."""
        if self.fail is not None:
            raise self.fail
        if self.refuse is not None:
            raise self.refuse


def thrown_stop() -> SwitchStanding:
    """Return a switch that is thrown."""
    return SwitchStanding(
        name="stop",
        throw_id="throw-1",
        who="desk",
        reason="wrong prices",
        thrown_wall_ns=T0,
        recorded=True,
    )
