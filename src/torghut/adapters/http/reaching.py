"""How the scheduler reaches the running loop: by its API, and by a file where nothing answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError
from typing_extensions import override

from torghut.adapters.http.posting import Knock
from torghut.adapters.http.releasing import Door, send_release
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.clock import WallClock
from torghut.kernel.errors import TorghutError
from torghut.schemas.control import CONTROL_RECORD, ControlRecord
from torghut.schemas.live.delivery import Answered
from torghut.schemas.live.offering import ReleaseAsked
from torghut.schemas.live.worker import SwitchThrownFile
from torghut.workflows.live.switch_ports import SwitchThrower, WorkerSeen
from torghut.workflows.scheduling.ports import Answer, LoopControls, WorkerStands

_OK: Final = 200
_WHO: Final = "governance"
_STOP: Final = "stop"
_LINES: Final = "application/x-ndjson"
"""One record a line; anything else is taken for a single one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedLoop(LoopControls):
    """The loop of the workers that live, each asked at the address that its page names.

    Attributes:
        pages: Returns the workers.
        folder: Of switch files.
        wall: Says when a file was thrown.
        knock: Asks a worker at its address.
        budget_ms: Longest wait for an answer.
    """

    pages: Callable[[], Sequence[WorkerSeen]]
    folder: SwitchThrower
    wall: WallClock
    knock: Knock
    budget_ms: int

    @override
    def workers(self) -> Sequence[WorkerStands]:
        try:
            return [_stands(one) for one in self.pages() if one.alive]
        except TorghutError:
            return []

    @override
    async def offer(self, records: Sequence[ControlRecord]) -> Sequence[Answer]:
        if not records:
            return []
        return await asyncio.to_thread(self._offer, records)

    @override
    def throw_stop(self, *, throw_id: str, reason: str) -> None:
        if any(one.throw_id == throw_id for one in self.folder.thrown()):
            return
        self.folder.throw(
            SwitchThrownFile(
                name=_STOP,
                throw_id=throw_id,
                reason=reason,
                who=_WHO,
                thrown_wall_ns=self.wall.now_ns(),
            )
        )

    @override
    async def release_stop(self, *, throw_id: str, reason: str) -> Answer:
        return await asyncio.to_thread(self._release, throw_id, reason)

    def _offer(self, records: Sequence[ControlRecord]) -> Sequence[Answer]:
        """Offer records to every living worker; the least that any of them says counts."""
        doors = self._doors()
        if not doors:
            return [_unknown(one.control_id, "no worker lives that has an API") for one in records]
        answers = [self._ask(door, records) for door in doors]
        return [_worst(found) for found in zip(*answers, strict=True)]

    def _doors(self) -> Sequence[str]:
        """Return where living workers listen."""
        try:
            return [
                one.status.api
                for one in self.pages()
                if one.alive and one.status is not None and one.status.api
            ]
        except TorghutError:
            return []

    def _ask(self, url: str, records: Sequence[ControlRecord]) -> Sequence[Answer]:
        """Return what one worker answers to each record."""
        lines = [canonical_bytes(CONTROL_RECORD.dump_python(one, mode="json")) for one in records]
        try:
            status, body = self.knock(
                url,
                "/v1/controls",
                b"\n".join(lines),
                media_type=_LINES,
                budget_ms=self.budget_ms,
            )
            if status != _OK:
                detail = f"HTTP status {status}: {body[:200].decode(errors='replace')}"
                return [_unknown(one.control_id, detail) for one in records]
            found = [Answered.model_validate_json(line) for line in body.splitlines()]
        except (TorghutError, ValidationError) as error:
            return [_unknown(one.control_id, str(error)) for one in records]
        by_id = {one.control_id: one for one in found}
        return [_answer(one.control_id, by_id.get(one.control_id)) for one in records]

    def _release(self, throw_id: str, reason: str) -> Answer:
        """Release a throw of this governance at every worker that has it in force."""
        try:
            pages = self.pages()
        except TorghutError as error:
            return _unknown(throw_id, str(error))
        found = [
            one
            for one in pages
            if one.alive
            and one.status is not None
            and any(switch.throw_id == throw_id for switch in one.status.switches)
        ]
        for one in found:
            api = "" if one.status is None else one.status.api
            asked = ReleaseAsked(reason=reason, who=_WHO, ends=(throw_id,))
            try:
                became = send_release(_STOP, Door(worker=one.worker, url=api), asked, self.knock)
            except TorghutError as error:  # it has no API, say
                return _unknown(throw_id, f"{one.worker}: {error}")
            if became.answer is None or became.answer.status == "refused":
                return _unknown(throw_id, f"{became.code}: {became.detail}")
        if not found:  # nobody has it in force: the file alone is left, and it is this one's own
            self.folder.retire(_STOP, throw_id)
        if any(one.throw_id == throw_id for one in self.folder.thrown()):
            return _unknown(throw_id, "its file still stands")
        return Answer(control_id=throw_id, status="recorded")


class RecordedLoop(LoopControls):
    """A log of recorded data, played by nobody: there is nobody to reach, and nobody to stop."""

    @override
    def workers(self) -> Sequence[WorkerStands]:
        return []

    @override
    async def offer(self, records: Sequence[ControlRecord]) -> Sequence[Answer]:
        return [_unknown(one.control_id, "recorded data: no loop runs") for one in records]

    @override
    def throw_stop(self, *, throw_id: str, reason: str) -> None:
        """Do nothing: a file would stop other loops, which run."""

    @override
    async def release_stop(self, *, throw_id: str, reason: str) -> Answer:
        return _unknown(throw_id, "recorded data: no loop runs")


def _stands(seen: WorkerSeen) -> WorkerStands:
    """Return how a worker stands; what an earlier process left on its page says nothing."""
    said = seen.status
    if said is None or (seen.pid is not None and seen.pid != said.pid):
        return WorkerStands(worker=seen.worker, latched=False, stopped=False, reachable=False)
    thrown = any(one.name == _STOP for one in said.switches)
    return WorkerStands(
        worker=seen.worker,
        latched=said.latch,
        stopped=said.latch or thrown,
        reachable=bool(said.api),
    )


def _unknown(control_id: str, detail: str) -> Answer:
    """Return that nobody can say what became of a record."""
    return Answer(control_id=control_id, status="unknown", detail=detail)


def _answer(control_id: str, answered: Answered | None) -> Answer:
    """Return what an answer of a service says."""
    if answered is None:
        return _unknown(control_id, "the service said nothing of it")
    if answered.status == "refused":
        detail = f"{answered.code}: {answered.detail}"
        return Answer(control_id=control_id, status="refused", detail=detail)
    return Answer(control_id=control_id, status="recorded")


def _worst(answers: Sequence[Answer]) -> Answer:
    """Return the answer that promises least."""
    order = ("unknown", "refused", "recorded")
    return min(answers, key=lambda one: order.index(one.status))
