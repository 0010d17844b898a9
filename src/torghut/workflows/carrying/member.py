"""A worker: a member of the group, with a loop for each partition that it has."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from torghut.carrying.errors import (
    BrokerRefusedError,
    BrokerUnreachableError,
    VoiceSilencedError,
)
from torghut.carrying.ports import Membership, Owner
from torghut.eventlog.errors import ClaimLostError
from torghut.kernel.errors import TorghutError
from torghut.kernel.units import MS_PER_S
from torghut.workflows.carrying.owning import OwnedPartition, Share

_HINT_S: Final = 1.0


@dataclass(slots=True, kw_only=True)
class CarryingWorker(Owner):
    """Decides the partitions that the group gives it, until asked to end.

    A partition that another process took over, by its claim or its voice, is let go of, and the
    group is joined anew: whoever wakes after its session has expired begins with nothing. One that
    cannot be taken up is tried again and again, ever more rarely, and the others go on. A broker
    that refuses to be read from is asked again as rarely as that: somebody has to do something.

    Attributes:
        share: What it brings to each.
        group: That it is a member of.
        log_away: Why the log did not answer when it was asked last; empty if it did.
        refused: Why the broker will not be read from; empty where it was, or is only away.
        unsafe: Why topics do not keep what they acknowledge, as seen last; empty where they do.
        behind: Records that the broker has of its partitions and it was not handed yet.
    """

    share: Share
    group: str
    log_away: str = ""
    refused: str = ""
    unsafe: str = ""
    behind: int = 0
    _owned: dict[int, OwnedPartition] = field(default_factory=dict)
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _beside: set[asyncio.Task[None]] = field(default_factory=set)
    _defect: BaseException | None = None
    _membership: Membership | None = None
    _joined: bool = False
    _rejoin: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, asked: asyncio.Event) -> None:
        """Be a member until asked to end; then give everything back.

        Raises:
            OffsetsGoneError: The topic is not the one that the log was decided from.
            Exception: A fault of ours; rather than one partition in silence, all of it ends.
        """
        probing = (
            self._begin("log probe", self._probe()),
            self._begin("look at the topics", self._look_at_topics()),
        )
        try:
            await self._be_member(asked)
        except TorghutError:
            raise
        except Exception as error:
            if error is not self._defect:
                self.share.witness.failed("worker", error)
            raise
        finally:
            for one in probing:
                one.cancel()

    async def _be_member(self, asked: asyncio.Event) -> None:
        """Join, and join anew where that is what it takes, until asked to end."""
        while not asked.is_set():
            self._rejoin.clear()
            wait_ms = 0
            membership = self._membership = self.share.broker.membership(
                topic=self.share.topics.contexts, group=self.group
            )
            try:
                await membership.join(self)
                self._joined = True
                await self._take(membership, asked)
            except BrokerUnreachableError as error:
                self.refused = ""
                self.share.witness.broker_lost(error)
                wait_ms = self.share.budgets.retry_ms
            except BrokerRefusedError as error:
                self.refused = str(error)
                self.share.witness.broker_refused(error)
                wait_ms = self.share.budgets.retry_max_ms
            finally:
                self._joined, self._membership = False, None  # nothing is taken up any more
                try:
                    await self.lost(list(self._owned))
                finally:
                    with suppress(BrokerUnreachableError):
                        await membership.leave()
            self._check_defect()
            await _sleep(wait_ms, asked)

    @property
    def owned(self) -> Mapping[int, OwnedPartition]:
        """The partitions that it has."""
        return dict(self._owned)

    def unready(self) -> Sequence[str]:
        """Return what keeps it from deciding what it is given, in words; nothing if it is ready."""
        if self.refused:
            return [f"the broker refuses this worker: {self.refused}"]
        if not self._joined:
            return ["no broker has taken this worker into its group"]
        found = []
        for number, owned in sorted(self._owned.items()):
            found += [f"partition {number}: {why}" for why in owned.unready()]
        if self.log_away:
            found.append(f"the log does not answer: {self.log_away}")
        if self.unsafe:
            found.append(f"what is told may be lost: {self.unsafe}")
        return found

    @override
    async def gained(self, partitions: Sequence[int], /) -> None:
        membership = self._membership
        self.share.witness.shared()
        if membership is None:
            return  # it is leaving
        for partition in partitions:
            if partition in self._owned:
                continue
            owned = OwnedPartition(partition=partition, membership=membership, share=self.share)
            self._owned[partition] = owned
            self._tasks[partition] = self._begin(f"partition {partition}", self._keep(owned))

    @override
    async def lost(self, partitions: Sequence[int], /) -> None:
        ending = []
        for partition in partitions:
            owned = self._owned.pop(partition, None)
            task = self._tasks.pop(partition, None)
            if owned is not None and task is not None:
                owned.asked.set()
                ending.append(task)
        if not ending:
            return
        budgets = self.share.budgets
        try:
            await asyncio.wait(ending, timeout=budgets.release_ms / MS_PER_S)
        finally:
            for task in ending:
                task.cancel()
        await asyncio.wait(ending, timeout=budgets.let_go_ms / MS_PER_S)

    async def _take(self, membership: Membership, asked: asyncio.Event) -> None:
        """Hand out what comes, until asked to end or to join anew."""
        budgets = self.share.budgets
        running = asyncio.get_running_loop()
        hint_s = running.time() + _HINT_S
        while not asked.is_set() and not self._rejoin.is_set():
            found = await membership.take(most=budgets.take_records, wait_ms=budgets.take_ms)
            for partition, records in found.items():
                if (owned := self._owned.get(partition)) is not None:
                    owned.bring(records)
            self._check_defect()
            await asyncio.sleep(0)  # what is there already is handed out at once, turn after turn
            if running.time() >= hint_s:
                hint_s = running.time() + _HINT_S
                self.refused = ""  # not before: what is refused is heard of after the first look
                await membership.hint(self._durable())
                self.behind = sum((await membership.behind()).values())

    async def _probe(self) -> None:
        """Ask the log for a sign of life, again and again: without contexts nothing else does."""
        budget_ms = self.share.budgets.probe_ms
        while True:
            try:
                async with asyncio.timeout(budget_ms / MS_PER_S):
                    await self.share.claims.partitions()
                self.log_away = ""
            except TimeoutError:
                self.log_away = f"nothing came within {budget_ms} ms"
            except TorghutError as error:
                self.log_away = str(error)
            await asyncio.sleep(budget_ms / MS_PER_S)

    async def _look_at_topics(self) -> None:
        """Look now and then whether topics are what they were found to be at the start."""
        while True:
            await asyncio.sleep(self.share.budgets.topics_ms / MS_PER_S)
            try:
                await self.share.check_topics()
                self.unsafe = ""
            except BrokerUnreachableError:
                continue  # others say so; what was seen last holds
            except TorghutError as error:
                self.unsafe = str(error)

    def _begin(self, where: str, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Let something go on beside; what nobody foresaw in it is told, and ends the worker."""
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(lambda ended: self._ended(where, ended))
        return task

    def _ended(self, where: str, task: asyncio.Task[None]) -> None:
        """Tell what ended a task, if that was nothing that is foreseen."""
        self._beside.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.share.witness.failed(where, error)
            self._defect = self._defect or error

    def _check_defect(self) -> None:
        """Raise the first error that nobody foresaw.

        Raises:
            Exception: That.
        """
        if self._defect is not None:
            raise self._defect

    def _durable(self) -> Mapping[int, int]:
        """Return how far each partition is durable."""
        return {
            number: owned.worker.cursor.record
            for number, owned in self._owned.items()
            if owned.serving and owned.worker is not None
        }

    async def _keep(self, owned: OwnedPartition) -> None:
        """Decide a partition; where it cannot be taken up, try again later."""
        budgets = self.share.budgets
        wait_ms = budgets.retry_ms
        while not owned.asked.is_set():
            try:
                await owned.run()
            except (ClaimLostError, VoiceSilencedError) as error:
                self.share.witness.lost(owned.partition, error)
                self._rejoin.set()
                return
            except TorghutError as error:
                # What the broker refuses once it was decided in between, it refuses again then.
                again = owned.trouble is not None or isinstance(error, BrokerRefusedError)
                wait_ms = min(2 * wait_ms, budgets.retry_max_ms) if again else budgets.retry_ms
                owned.trouble = error
                self.share.witness.troubled(owned.partition, error, again_ms=wait_ms)
                await _sleep(wait_ms, owned.asked)


async def _sleep(ms: int, asked: asyncio.Event) -> None:
    """Wait so long, or until asked."""
    with suppress(TimeoutError):
        async with asyncio.timeout(ms / MS_PER_S):
            await asked.wait()
