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
    ClosedError,
    DeniedError,
    FollowedAlreadyError,
    RecordUnnamedError,
    UnreachableError,
)
from torghut.client.limits import Limits
from torghut.client.machine import TOKEN_FILE_VARIABLE, URL_VARIABLE, Machine, variable
from torghut.client.stream.connections import Connections
from torghut.client.stream.controls import ControlFollowing, ReceivedControl
from torghut.client.stream.following import Following
from torghut.client.stream.link import MS, Notice
from torghut.client.stream.ordering import Ordering
from torghut.client.stream.pulse import Pulse
from torghut.client.stream.standing import Standing
from torghut.client.stream.talking import Talking
from torghut.client.wire.address import DEFAULT_URL, Credentials, Dialer, parse_address
from torghut.client.wire.messages import Answered
from torghut.client.wire.offers import (
    Context,
    Report,
    context_line,
    control_id_of,
    control_line,
)
from torghut.kernel.canonical import JsonObject
from torghut.schemas.live.position import Position, parse_position

After = Position | str | None
"""A position or its text; ``start``, ``now``; None where something else decides."""

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
        self, dialer: Dialer, *, after: After = None, machine: Machine | None = None
    ) -> None:
        """Prepare a client; entering it connects.

        Args:
            dialer: Makes the connections.
            after: Where the stream of decisions begins; None: it is followed once it is asked for.
            machine: Whose clocks and chance hold; None: this one's.
        """
        self.notices: deque[Notice] = deque(maxlen=_NOTICES_MAX)
        self._dialer = dialer
        self._limits = dialer.limits
        self._machine = machine or Machine()
        self._after = after
        self._judge = Judge(limits=self._limits, machine=self._machine)
        self._standing = Standing(self._limits)
        self._connections = Connections(
            dialer=dialer,
            machine=self._machine,
            notices=self.notices,
            looked=self._standing.look,
        )
        self._following: Following | None = None
        self._reader = object()
        self._controls: list[ControlFollowing] = []
        self._talking: Talking | None = None
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
        return self._dialer.address.shown

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
                while (pulse := self._standing.pulses[0]).newest is None:
                    self._open()
                    self._dialer.credentials.headers()
                    if status := self._connections.denied(pulse):
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
        following = self._follow(after, until_head=not follow)
        reader = self._reader = object()
        while await following.waiting.filled() and self._reader is reader:
            received = following.hand_over()
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
        ends = ControlFollowing(
            _position(after), self._limits, self._machine, until_head=not follow
        )
        pulse = Pulse(self._limits, self._machine)
        task = self._connections.keep(ends, pulse, self._open())
        self._controls.append(ends)
        try:
            while await ends.waiting.filled():
                yield ends.waiting.pop()
        finally:
            task.cancel()
            self._controls.remove(ends)

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
        talking, line = self._talk(), context_line(context)
        message, line = await talking.ask(talking.contexts, context.context_id, line, budget_ms)
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
        talking, control_id = self._talk(), control_id_of(record)
        if not control_id:
            raise RecordUnnamedError
        line = control_line(record)
        message, _ = await talking.ask(talking.controls, control_id, line, budget_ms)
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

    def _follow(self, after: After, *, until_head: bool) -> Following:
        """Return the stream from a position on, or where it was left."""
        self._open()
        if after is not None or self._following is None:
            begin = _position(self._after if after is None else after)
            return self._begin(begin, until_head=until_head)
        if until_head or self._following.until_head:
            return self._begin(self._following.left_at, until_head=until_head)
        return self._following

    def _begin(self, begin: Position | None, *, until_head: bool) -> Following:
        """Follow the stream from a position on, instead of from where it was followed."""
        tasks = self._open()
        self._stop_following()
        self._stop_idling()
        limits = self._limits
        pulse = Pulse(limits, self._machine)
        ordering = Ordering(begin, limits.heal_attempts, limits.remembered)
        self._following = Following(ordering, limits, self._machine, pulse, until_head=until_head)
        self._standing.pulses.insert(0, pulse)
        self._stream = self._connections.keep(self._following, pulse, tasks)
        return self._following

    def _stop_following(self) -> None:
        """Give the stream up that was followed until now."""
        if self._following is not None:
            self._following.waiting.end()
            self._stream.cancel()
            self._standing.pulses.remove(self._following.pulse)

    def _stop_idling(self) -> None:
        """Give the connection for questions up if there were none: it stood in for a stream."""
        if self._talking is not None and not self._talking.used:
            self._questions.cancel()
            self._standing.pulses.remove(self._talking.pulse)
            self._talking = None

    def _talk(self) -> Talking:
        """Return the connection for questions, made if need be."""
        tasks = self._open()
        if self._talking is None:
            pulse = Pulse(self._limits, self._machine)
            self._talking = Talking(self._limits, pulse, self.notices)
            self._standing.pulses.append(pulse)
            self._questions = self._connections.keep(self._talking, pulse, tasks)
        return self._talking

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
                if self._after is None:
                    self._talk()
                else:
                    self._begin(_position(self._after), until_head=False)
                started.set()
                await self._close.wait()
                self._standing.ended = "closed"
                watching.cancel()
                self._connections.end()
        finally:
            started.set()

    def _ended(self, _runner: asyncio.Task[None]) -> None:
        """Say that nothing comes any more."""
        self._tasks = None
        self._standing.ended = self._standing.ended or "failed"
        self._standing.look()
        for ends in (self._following, *self._controls):
            if ends is not None:
                ends.waiting.end()
        if self._talking is not None:
            self._talking.end(f"one that is {self._standing.ended}")


def _position(after: After) -> Position | None:
    """Return a position; None where the stream begins now.

    Raises:
        PositionMalformedError: It is none.
    """
    if isinstance(after, str):
        return None if after == "now" else parse_position(after)
    return after


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
        url: ``http://``, ``https://``, ``ws://``, ``wss://`` or ``unix:///path``; else what
            ``TORGHUT_URL`` says, else this machine's port 8787.
        token: That lets in; else it is in a file.
        token_file: Else what ``TORGHUT_TOKEN_FILE`` says. Read anew for every connection.
        after: Where the stream begins: a position, ``start`` or ``now``.
        bookmark: The stream goes on after what it keeps; ``after`` holds while it keeps nothing.
        limits: What is waited for, and how long.

    Raises:
        AddressMalformedError: ``url`` is no address.
        BookmarkError: The bookmark cannot be read.
        PositionMalformedError: ``after`` is no position.
    """
    file = token_file or (None if token else variable(TOKEN_FILE_VARIABLE))
    kept = None if bookmark is None else bookmark.position
    begin = kept or after or (None if bookmark is None else "now")
    _position(begin)
    dialer = Dialer(
        address=parse_address(url or variable(URL_VARIABLE) or DEFAULT_URL),
        credentials=Credentials(token=token or "", file=None if file is None else Path(file)),
        limits=limits or Limits(),
    )
    return Client(dialer, after=begin)
