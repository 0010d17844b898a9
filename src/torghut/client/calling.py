"""A trading loop's side of the live service: decisions in, contexts and reports out, one state."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from torghut.client.bookmark import Bookmark
from torghut.client.delivery import Delivery, Judge, State
from torghut.client.errors import (
    AnswerLateError,
    ClosedError,
    DeniedError,
    FollowedAlreadyError,
    RecordUnnamedError,
    UnreachableError,
)
from torghut.client.lanes.finding import Lanes
from torghut.client.lanes.places import After, Places, parse_places
from torghut.client.lanes.questions import Talks
from torghut.client.lanes.streams import Controls, Outcomes, Reach
from torghut.client.limits import Limits
from torghut.client.machine import TOKEN_FILE_VARIABLE, URL_VARIABLE, Machine, variable
from torghut.client.opening import dialer_of
from torghut.client.stream.connections import Connections
from torghut.client.stream.controls import ReceivedControl
from torghut.client.stream.link import MS, Notice
from torghut.client.stream.standing import Standing
from torghut.client.stream.talking import Talking
from torghut.client.wire.address import DEFAULT_URL, Credentials, parse_address
from torghut.client.wire.dialing import Dialer, Lane
from torghut.client.wire.messages import Answered
from torghut.client.wire.offers import (
    Context,
    Report,
    context_line,
    control_id_of,
    control_line,
    symbol_of,
)
from torghut.kernel.canonical import JsonObject
from torghut.schemas.live.position import parse_position

BUDGET_MS: Final = 5_000
"""How long an answer is waited for where nobody says."""

_NOTICES_MAX: Final = 256
READY_MS: Final = 10_000


class Client:
    """One trading loop's connection to the live service; made by ``connect``.

    It connects again by itself, for as long as it is open. What came in the meantime comes then.

    Attributes:
        notices: What was not as it should be, the newest last; only so many are kept.
    """

    def __init__(
        self,
        dialer: Dialer,
        *,
        after: After = None,
        machine: Machine | None = None,
        bookmark: Bookmark | None = None,
    ) -> None:
        """Prepare a client; entering it connects.

        Args:
            dialer: Makes the connections.
            after: Where the stream of decisions begins; None: it is followed once it is asked for.
            machine: Whose clocks and chance hold; None: this one's.
            bookmark: Told where partitions began of which it keeps nothing.
        """
        self.notices: deque[Notice] = deque(maxlen=_NOTICES_MAX)
        self._dialer = dialer
        self._limits = dialer.limits
        self._after = after
        self._bookmark = bookmark
        machine = machine or Machine()
        self._judge = Judge(limits=self._limits, machine=machine)
        self._standing = Standing(self._limits)
        self._connections = Connections(
            dialer=dialer, machine=machine, notices=self.notices, looked=self._standing.look
        )
        reach = self._reach = Reach(
            connections=self._connections,
            standing=self._standing,
            limits=self._limits,
            machine=machine,
        )
        self._lanes = Lanes(dialer=dialer, reach=reach, notices=self.notices)
        self._talks = Talks(reach=reach, notices=self.notices)
        self._outcomes: Outcomes | None = None
        self._reader = object()
        self._controls: list[Controls] = []
        self._tasks: asyncio.TaskGroup | None = None
        self._close = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to connect; ``ready`` waits until that has happened."""
        started = asyncio.Event()
        self._runner = asyncio.create_task(self._run(started), name="torghut-client")
        self._runner.add_done_callback(self._ended)
        await started.wait()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Take leave; nothing is handed over any more."""
        self._close.set()
        if self._runner is not None:
            await asyncio.wait([self._runner])
            if kind is None and self._runner.exception() is not None:
                await self._runner

    @property
    def state(self) -> State:
        """Whether anything may be opened, and if not, why."""
        return self._standing.state

    @property
    def address(self) -> str:
        """Where the live service is, as it was written."""
        return self._dialer.shown

    async def states(self) -> AsyncIterator[State]:
        """Yield the state, and every other one as it comes, until the client is closed."""
        async for state in self._standing.states():
            yield state

    async def ready(self, budget_ms: int = READY_MS) -> State:
        """Wait until the service was heard, and return the state.

        Raises:
            UnreachableError: It was not, within the budget.
            DeniedError: It refuses this client.
            TokenUnreadableError: There is no token to show.
            ClosedError: The client is not open.
        """
        self._open()
        reason = self.state.reason
        with suppress(TimeoutError):
            async with asyncio.timeout(budget_ms / MS):
                while (awaited := self._standing.awaited) or not self._lanes.found:
                    self._open()
                    self._dialer.check()
                    if status := max(map(self._connections.denied, awaited), default=0):
                        raise DeniedError(address=self.address, status=status)
                    reason = self.state.reason
                    await asyncio.sleep(self._limits.look_ms / MS)
                return self.state
        raise UnreachableError(address=self.address, budget_ms=budget_ms, reason=reason)

    async def decisions(
        self, after: After = None, *, follow: bool = True
    ) -> AsyncIterator[Delivery]:
        """Yield every outcome after a position, oldest first, each with its verdict.

        Args:
            after: None: go on where it was left, else where ``connect`` said, else from now on.
            follow: Go on for ever; False: end after what the service has now.

        Raises:
            FollowedAlreadyError: Somebody else began to; one stream has one reader.
            BeyondEndError: To its end is asked for, and the log ends before where it is to begin.
            AnnouncedMissingError: To its end is asked for, and it does not come.
            ClosedError: The client is not open.
        """
        outcomes = self._follow(after, until_head=not follow)
        reader = self._reader = object()
        while await outcomes.waiting.filled() and self._reader is reader:
            received = outcomes.hand_over()
            yield self._judge.judge(received.outcome, received.line, received.at, self.state)
        if self._reader is not reader:
            raise FollowedAlreadyError

    async def controls(
        self, after: After = None, *, follow: bool = True
    ) -> AsyncIterator[ReceivedControl]:
        """Yield what happens to control records after a position, oldest first.

        Several may stand at one position, so what stands at ``after`` comes again.

        Args:
            after: None: from now on.
            follow: Go on for ever; False: end after what the service has now.

        Raises:
            AnnouncedMissingError: To its end is asked for, and it does not come.
            ClosedError: The client is not open.
        """
        tasks = self._open()
        controls = Controls(reach=self._reach, begin=parse_places(after), until_head=not follow)
        self._lanes.once(lambda lanes: controls.open(lanes, tasks))
        self._controls.append(controls)
        try:
            while await controls.waiting.filled():
                yield controls.waiting.pop()
        finally:
            controls.end()
            self._controls.remove(controls)

    async def decide(self, context: Context, *, budget_ms: int = BUDGET_MS) -> Delivery:
        """Return what became of a context: a decision or a refusal.

        The same context may be asked again, in this process or another: it is decided once.

        Raises:
            AnswerLateError: Nothing within the budget; it may still come on the stream.
            NotTakenError: The service does not take it.
            InFlightFullError: Too many wait already.
            IdentifierMalformedError: Feed or symbol cannot name a context.
            ClosedError: The client is not open.
        """
        what, line = f"context {context.context_id}", context_line(context)
        talking, left_ms = await self._talk(context.symbol, what, budget_ms)
        message, line = await talking.ask(talking.contexts, context.context_id, line, left_ms)
        return self._judge.judge(message, line, parse_position(message.position), self.state)

    async def report(self, record: Report | JsonObject, *, budget_ms: int = BUDGET_MS) -> Answered:
        """Return what became of a fill, an order, a position or any other control record.

        Raises:
            AnswerLateError: Nothing within the budget; report the same again, it counts once.
            NotTakenError: The service does not take it.
            RecordUnnamedError: It has no id.
            InFlightFullError: Too many wait already.
            ClosedError: The client is not open.
        """
        self._open()
        control_id, line = control_id_of(record), control_line(record)
        if not control_id:
            raise RecordUnnamedError
        talking, left_ms = await self._talk(symbol_of(record), f"control {control_id}", budget_ms)
        message, _ = await talking.ask(talking.controls, control_id, line, left_ms)
        return message

    async def control(
        self, records: Sequence[Report | JsonObject], *, budget_ms: int = BUDGET_MS
    ) -> Sequence[Answered]:
        """Return what became of control records, in order; they are sent together.

        Raises:
            As ``report`` does, of the first that fails.
        """
        asked = (self.report(record, budget_ms=budget_ms) for record in records)
        return list(await asyncio.gather(*asked))

    def _follow(self, after: After, *, until_head: bool) -> Outcomes:
        """Return the stream from a position on, or where it was left."""
        self._open()
        if after is not None or self._outcomes is None:
            begin = parse_places(self._after if after is None else after)
            return self._begin(begin, until_head=until_head)
        if until_head or self._outcomes.until_head:
            return self._begin(self._outcomes.left_at, until_head=until_head)
        return self._outcomes

    def _begin(self, begin: Places, *, until_head: bool) -> Outcomes:
        """Follow the stream from a position on, instead of from where it was followed."""
        tasks = self._open()
        if self._outcomes is not None:
            self._outcomes.end()
        self._talks.stop_idling()
        outcomes = self._outcomes = Outcomes(reach=self._reach, begin=begin, until_head=until_head)

        def opening(lanes: Sequence[Lane]) -> None:
            if self._outcomes is outcomes:  # and not another one by now
                outcomes.open(lanes, tasks)
                if self._bookmark is not None and len(lanes) > 1:
                    self._bookmark.begin(outcomes.origins().values())

        self._lanes.once(opening)
        return outcomes

    async def _talk(self, symbol: str, what: str, budget_ms: int) -> tuple[Talking, int]:
        """Return what asks about a symbol, and how much of the budget is left."""
        tasks, running = self._open(), asyncio.get_running_loop()
        begun_s = running.time()
        try:
            async with asyncio.timeout(budget_ms / MS):
                lanes = await self._lanes.wait()
        except TimeoutError as error:
            state = f"{self.state.name} ({self.state.reason})"
            raise AnswerLateError(what=what, budget_ms=budget_ms, state=state) from error
        self._open()
        number = self._talks.first_heard(self._dialer.lane_of(symbol, lanes))
        left_ms = max(1, budget_ms - int((running.time() - begun_s) * MS))
        return self._talks.of(number, lanes, tasks), left_ms

    def _open(self) -> asyncio.TaskGroup:
        """Return where this client's tasks live.

        Raises:
            ClosedError: It is not open.
        """
        if self._tasks is None:
            raise ClosedError(found=f"one that is {self._standing.ended or 'not entered'}")
        return self._tasks

    async def _run(self, started: asyncio.Event) -> None:
        """Keep the connections until the client is closed."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                watching = tasks.create_task(self._standing.watch())
                finding = tasks.create_task(self._lanes.find())
                if self._after is None:
                    self._lanes.once(self._listen)
                else:
                    self._begin(parse_places(self._after), until_head=False)
                started.set()
                await self._close.wait()
                self._standing.ended = "closed"
                watching.cancel()
                finding.cancel()
                self._connections.end()
        finally:
            started.set()
            await self._dialer.close()

    def _listen(self, lanes: Sequence[Lane]) -> None:
        """Hear how the service is where no stream is followed."""
        if self._outcomes is None and self._tasks is not None:
            self._talks.listen(lanes, self._tasks)

    def _ended(self, _runner: asyncio.Task[None]) -> None:
        """Say that nothing comes any more."""
        self._tasks = None
        self._standing.ended = self._standing.ended or "failed"
        self._standing.look()
        for streams in (self._outcomes, *self._controls):
            if streams is not None:
                streams.waiting.end()
        self._talks.end(f"one that is {self._standing.ended}")


def connect(
    url: str | None = None,
    *,
    token: str | None = None,
    token_file: Path | str | None = None,
    after: After = None,
    bookmark: Bookmark | None = None,
    limits: Limits | None = None,
) -> Client:
    """Return a client of the live service, to be entered with ``async with``.

    With ``after`` or a bookmark the stream is followed from the start, so ``decisions`` must be
    iterated: who does not is told nothing new, and is ``stale``.

    Args:
        url: ``http://``, ``https://``, ``ws://``, ``wss://``, ``unix:///path``, or where brokers
            carry it ``kafka://host:port,host:port``; else what ``TORGHUT_URL`` says, else this
            machine's port 8787.
        token: That lets in; else it is in a file.
        token_file: Else what ``TORGHUT_TOKEN_FILE`` says. Read anew for every connection.
        after: Where the stream begins: a position, one for each partition, ``start`` or ``now``.
        bookmark: The stream goes on after what it keeps; ``after`` holds while it keeps nothing.
        limits: What is waited for, and how long.

    Raises:
        AddressMalformedError: ``url`` is no address.
        KafkaMissingError: Brokers are to be spoken to, and the package for it is not installed.
        BookmarkError: The bookmark cannot be read.
        PositionMalformedError: ``after`` is no position.
    """
    file = token_file or (None if token else variable(TOKEN_FILE_VARIABLE))
    kept = () if bookmark is None else bookmark.positions
    begin = kept or after or (None if bookmark is None else "now")
    parse_places(begin)
    dialer = dialer_of(
        parse_address(url or variable(URL_VARIABLE) or DEFAULT_URL),
        Credentials(token=token or "", file=None if file is None else Path(file)),
        limits or Limits(),
    )
    return Client(dialer, after=begin, bookmark=bookmark)
