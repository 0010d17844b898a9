"""An application of Faust's that runs nothing: a test says what its group has and it brings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from faust.types import TP, Message

Agent = Callable[["FakeStream"], Awaitable[None]]


@dataclass(slots=True)
class FakeSignal:
    """Something that an application tells."""

    told: list[Callable[..., Awaitable[None]]] = field(default_factory=list)

    def connect(self, told: Callable[..., Awaitable[None]], *, weak: bool) -> None:
        """Take down who is told."""
        assert not weak
        self.told.append(told)


@dataclass(slots=True)
class FakeStream:
    """Some records for an agent."""

    messages: Iterable[Message]

    async def events(self) -> AsyncIterator[SimpleNamespace]:
        """Yield them."""
        for message in self.messages:
            yield SimpleNamespace(message=message)


@dataclass(slots=True)
class FakeApp:
    """The application.

    Attributes:
        ends: Behind which offset each partition ended when it last asked.
        crashed: Whether it ended by itself.
        crash_reason: Why.
        should_stop: Whether it was asked to end.
    """

    ends: dict[TP, int] = field(default_factory=dict)
    crashed: bool = False
    crash_reason: BaseException | None = None
    should_stop: bool = False
    on_partitions_assigned: FakeSignal = field(default_factory=FakeSignal)
    on_partitions_revoked: FakeSignal = field(default_factory=FakeSignal)
    _agents: list[Agent] = field(default_factory=list)

    def topic(self, name: str, **_: object) -> str:
        """Return what stands for a topic."""
        return name

    def agent(self, _: str, *, name: str) -> Callable[[Agent], None]:
        """Take down who takes records."""
        assert name
        return self._agents.append

    async def start(self) -> None:
        """Nothing runs."""

    async def stop(self) -> None:
        """Nothing runs."""

    @property
    def consumer(self) -> Any:  # noqa: ANN401 - a small part of one
        """What says where partitions end."""
        return SimpleNamespace(highwater=self.ends.get)

    async def assign(self, places: set[TP]) -> None:
        """Let the group give it these."""
        for told in self.on_partitions_assigned.told:
            await told(self, places)

    async def bring(self, place: TP, offsets: Iterable[int]) -> None:
        """Bring records of a partition."""
        messages = [message(place, offset) for offset in offsets]
        for agent in self._agents:
            await agent(FakeStream(messages))


def message(place: TP, offset: int) -> Message:
    """Return a record that says its offset."""
    return Message(
        place.topic, place.partition, offset, 0.0, 0, [], None, b"%d" % offset, None, tp=place
    )
