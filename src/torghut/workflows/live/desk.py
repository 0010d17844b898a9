"""The live service as its doors see it: what comes in is checked once and waits its turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import override

from torghut.kernel.clock import IdSource
from torghut.kernel.ids import SERVING, IdentifierMalformedError
from torghut.kernel.units import MS_PER_S, NS_PER_MS
from torghut.market.ports import Quarantined
from torghut.schemas.control import (
    AdviceOutcome,
    ControlRecord,
    FillReported,
    OrderReported,
    StopChanged,
    SwitchThrown,
)
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.live.control_ids import released_id
from torghut.schemas.live.delivery import Answered
from torghut.schemas.live.position import Position
from torghut.schemas.live.worker import WorkerStatus
from torghut.workflows.live.errors import (
    AnswerLateError,
    ClosingError,
    ContextMalformedError,
    SourceClosedError,
    SwitchReleaseRefusedError,
    TooManyAtOnceError,
)
from torghut.workflows.live.going_back import undoing
from torghut.workflows.live.intake.feeds import Feeds
from torghut.workflows.live.intake.stamping import IngressClock
from torghut.workflows.live.intake.waiting import (
    WaitingContext,
    WaitingControl,
    WaitingQuarantine,
)
from torghut.workflows.live.loop.deciding import LiveLoop
from torghut.workflows.live.loop.in_force import thrown_switches
from torghut.workflows.live.offers import OfferedContext
from torghut.workflows.live.ports import Desk, Told
from torghut.workflows.live.standing import Standing
from torghut.workflows.live.switching import Switchboard, check_ends, signed
from torghut.workflows.live.told.finding import REPEATED
from torghut.workflows.lookup.finding import parse_wanted

_DECIDED: Final = b'{"type":"live.decided.v1"'
_UNKNOWN: Final = "control.decision-unknown"
_FOREIGN: Final = "control.advice-foreign"


@dataclass(slots=True, kw_only=True)
class LiveDesk(Desk):
    """The one way into and out of a live loop.

    Attributes:
        loop: Decides.
        clock: Stamps what comes in.
        switches: What is thrown.
        standing: Makes status and heartbeats.
        ids: Names what this service records by itself.
        feeds: That senders may name.
        declared: Symbols that contexts may name.
        source: What the contexts come from, as it was named.
        takes_offers: Whether contexts may be offered here.
    """

    loop: LiveLoop
    clock: IngressClock
    switches: Switchboard
    standing: Standing
    ids: IdSource
    feeds: Feeds
    declared: Collection[str]
    source: str
    takes_offers: bool

    @property
    @override
    def policy(self) -> LivePolicy:
        return self.loop.policy

    @override
    async def decide(self, offered: Sequence[OfferedContext]) -> Sequence[bytes]:
        until_s = asyncio.get_running_loop().time() + self.policy.door.answer_ms / MS_PER_S
        answers = [line or self.loop.asked.ask(name) for name, line in self._admit(offered)]
        try:
            lines = [one if isinstance(one, bytes) else await one for one in answers]
            return [
                await self._first(context, line, until_s) if line.endswith(REPEATED) else line
                for context, line in zip(offered, lines, strict=True)
            ]
        except TimeoutError as error:
            what = f"{len(offered)} contexts from {offered[0].context_id}"
            raise AnswerLateError(what=what, budget_ms=self.policy.door.answer_ms) from error

    @override
    def offer(self, offered: Sequence[OfferedContext]) -> Sequence[bytes]:
        return [line for _, line in self._admit(offered) if line]

    @override
    async def room(self) -> None:
        await self.loop.line.room()

    @override
    def quarantine(self, feed: str, record: Quarantined) -> None:
        self._check_open()
        self.loop.line.check_room(1, retry_after_ms=self.policy.loop.retry_ms)
        source = self.feeds.own(feed)
        self.loop.line.put([WaitingQuarantine(source=source, record=record)])

    @override
    async def submit(self, records: Sequence[ControlRecord]) -> Sequence[Answered]:
        self._check_taken(len(records))
        budget_ms = self.policy.door.answer_ms
        try:
            async with asyncio.timeout(budget_ms / MS_PER_S):
                refusals = await asyncio.gather(*map(self.refusal, records))
                return await self._answers(
                    [
                        WaitingControl(record=record, refusal=refusal, urgent=_throws(record))
                        for record, refusal in zip(records, refusals, strict=True)
                    ]
                )
        except TimeoutError as error:
            what = f"{len(records)} control records from {records[0].control_id}"
            raise AnswerLateError(what=what, budget_ms=budget_ms) from error

    @override
    async def release(
        self, name: str, *, reason: str, who: str, ends: Collection[str] | None = None
    ) -> Answered:
        self._check_open()
        fold = self.loop.fold
        standing = self.switches.standing(fold)
        check_ends(standing, name, ends)
        if name not in {one.name for one in standing}:
            raise SwitchReleaseRefusedError(name=name, found="one that is not thrown")
        thrown = {held.name: held.control_id for held in thrown_switches(fold).values()}
        if name not in thrown:
            raise SwitchReleaseRefusedError(name=name, found="a throw that is not recorded yet")
        record = SwitchThrown.model_validate(
            {
                "control_id": released_id(name, self.ids.new_id()),
                "name": name,
                "state": "released",
                "reason": signed(reason, "released", who),
            }
        )
        undone = undoing(record, fold, self.switches.revision)
        budget_ms = self.policy.door.answer_ms
        try:
            async with asyncio.timeout(budget_ms / MS_PER_S):
                # The release stands last: before it, the throw that all of them end holds.
                waiting = [
                    WaitingControl(record=one, ends=thrown[name]) for one in (*undone, record)
                ]
                return (await self._answers(waiting))[-1]
        except TimeoutError as error:
            raise AnswerLateError(what=f"releasing {name}", budget_ms=budget_ms) from error

    @override
    def follow(self, after: Position | None) -> AsyncIterator[Told]:
        return self.loop.outcomes.follow(after)

    @override
    def follow_controls(self, after: Position | None) -> AsyncIterator[Told]:
        # Several lines may stand at one position: rather than miss one, those come again.
        again = after and replace(after, place=after.place - 1)
        return self.loop.controls.follow(again)

    @override
    def newest(self) -> Position | None:
        return self.loop.outcomes.newest

    @override
    def newest_control(self) -> Position | None:
        return self.loop.controls.newest

    @override
    async def outcome(self, context_id: str) -> bytes | None:
        wanted = parse_wanted(context_id)
        if wanted.role != SERVING:
            return None
        name = context_id.partition("/")[0]
        known = self.loop.outcomes.known(name)
        if known is not None and not known.endswith(REPEATED):
            return known
        return await self.loop.search.find(name)

    @override
    def heartbeat(self) -> bytes:
        return self.standing.heartbeat()

    @override
    async def beats(self) -> None:
        await self.standing.beats()

    @override
    def status(self) -> WorkerStatus:
        return self.standing.status()

    @override
    def unready(self) -> Sequence[str]:
        return self.standing.unready()

    def close(self) -> None:
        """Take nothing new; what waits is still decided."""
        self.loop.line.close()

    def _admit(self, offered: Sequence[OfferedContext]) -> Sequence[tuple[str, bytes | None]]:
        """Let contexts wait; return the id of each, and its outcome where that is known."""
        self._check_taken(len(offered))
        if not self.takes_offers:
            raise SourceClosedError(source=self.source)
        self.loop.line.check_room(len(offered), retry_after_ms=self.policy.loop.retry_ms)
        latest_ns = self.clock.receive_ns() + self.policy.timeliness.clock_apart_ms * NS_PER_MS
        for one in offered:
            self._check_offered(one, latest_ns)
        self.feeds.admit([one.feed for one in offered])
        return [(one.context_id, self._admit_one(one)) for one in offered]

    def _check_offered(self, one: OfferedContext, latest_ns: int) -> None:
        """Refuse what cannot be decided here, before any of it waits."""
        if one.symbol not in self.declared:
            raise ContextMalformedError(
                place=f"{one.context_id}: symbol",
                expected=f"one of {', '.join(sorted(self.declared))}",
                found=one.symbol,
            )
        if one.receive_ns is not None and one.receive_ns > latest_ns:
            raise ContextMalformedError(
                place=f"{one.context_id}: receive_ns",
                expected=f"a time that has come, {latest_ns} at the latest",
                found=str(one.receive_ns),
            )

    def _admit_one(self, one: OfferedContext) -> bytes | None:
        """Let one context wait, unless it does already or its outcome is known."""
        known = self.loop.outcomes.known(one.context_id)
        if known is not None or one.context_id in self.loop.asked:
            return known
        self.loop.asked.expect(one.context_id)
        stamp = self.clock.stamp(waiting=len(self.loop.line))
        waiting = WaitingContext(
            context_id=one.context_id,
            symbol=one.symbol,
            source=one.source,
            row=one.row(stamp.receive_ns),
            stamp=stamp,
        )
        self.loop.line.put([waiting])
        return None

    async def _first(self, context: OfferedContext, line: bytes, until_s: float) -> bytes:
        """Return what became of a context first, long ago; ``line`` says that it came again."""
        async with asyncio.timeout_at(until_s):
            return await self.outcome(context.context_id) or line

    async def _answers(self, waiting: Sequence[WaitingControl]) -> Sequence[Answered]:
        """Let control records wait, and return what became of them once that is durable."""
        self._check_open()
        usual = sum(not one.urgent for one in waiting)
        line = self.loop.line
        line.check_room_for_controls(usual, retry_after_ms=self.policy.loop.retry_ms)
        running = asyncio.get_running_loop()
        answers: list[asyncio.Future[Answered]] = [running.create_future() for _ in waiting]
        for one, answer in zip(waiting, answers, strict=True):
            answer.add_done_callback(lambda done: done.cancelled() or done.exception())
            line.put([replace(one, answer=answer)])
        return [await asyncio.shield(answer) for answer in answers]

    async def refusal(self, record: ControlRecord) -> str:
        """Return why a record cannot hold that only the log can tell; empty if it can."""
        if isinstance(record, AdviceOutcome):
            return _FOREIGN
        if not isinstance(record, FillReported | OrderReported) or record.decision_id is None:
            return ""
        try:
            wanted = parse_wanted(record.decision_id)
        except IdentifierMalformedError:
            return _UNKNOWN
        if wanted.context.symbol != record.symbol:
            return _UNKNOWN
        found = await self.outcome(record.decision_id)
        return "" if found is not None and found.startswith(_DECIDED) else _UNKNOWN

    def _check_taken(self, count: int) -> None:
        """Refuse more than may come at once, and everything once the service is ending."""
        self._check_open()
        limit = self.policy.door.records_max
        if count > limit:
            raise TooManyAtOnceError(found=count, limit=limit)

    def _check_open(self) -> None:
        """Refuse everything once the service is ending."""
        if self.loop.line.closed:
            raise ClosingError


def _throws(record: ControlRecord) -> bool:
    """Return whether a record goes before everything that waits: it makes things safer."""
    match record:
        case SwitchThrown():
            return record.state == "thrown"
        case StopChanged():
            return record.state == "stopped"
        case _:
            return False
