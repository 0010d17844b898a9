"""What the core asks of a broker: a share of a topic, whole topics, and a voice on a partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from torghut.carrying.messages import Outgoing, Reading, Received
from torghut.carrying.planning import ClusterSeen, Step


class Owner(Protocol):
    """Told which partitions are a member's; nothing else of the member happens meanwhile."""

    async def gained(self, partitions: Sequence[int], /) -> None:
        """Take these up; nothing of them is handed out before each was placed."""
        ...

    async def lost(self, partitions: Sequence[int], /) -> None:
        """Finish what is under way of these and let go; others may have them next."""
        ...


class Membership(Protocol):
    """One member of the group that shares the partitions of a topic.

    What the broker remembers of positions is only a hint for people: a partition is read from
    where it was placed, and from nowhere else.
    """

    async def join(self, owner: Owner, /) -> None:
        """Begin to share; ``owner`` is told of every change from now on.

        Raises:
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
        """
        ...

    async def take(self, *, most: int, wait_ms: int) -> Mapping[int, Sequence[Received]]:
        """Return records by partition, each in its order; nothing after ``wait_ms`` without any.

        Raises:
            OffsetsGoneError: A partition was placed where the topic has nothing any more.
            BrokerUnreachableError: No broker answers any more.
            BrokerRefusedError: The broker refuses to be read from.
        """
        ...

    def place(self, partition: int, offset: int, /) -> None:
        """Read a partition from ``offset`` on."""
        ...

    def hold(self, partition: int, /) -> None:
        """Hand out nothing of a partition until it is placed or let go on."""
        ...

    def go_on(self, partition: int, /) -> None:
        """Hand out records of a partition that was held."""
        ...

    async def hint(self, offsets: Mapping[int, int], /) -> None:
        """Let tools that show lag know how far partitions were taken; it may fail in silence."""
        ...

    async def behind(self) -> Mapping[int, int]:
        """Return how many records of each partition that is owned were not handed out yet."""
        ...

    async def leave(self) -> None:
        """End the membership, so that others have its partitions at once."""
        ...


class TopicReader(Protocol):
    """Reads partitions of topics from given places, apart from any group."""

    async def read(
        self, after: Mapping[tuple[str, int], int], /, *, wait_ms: int
    ) -> Mapping[tuple[str, int], Reading]:
        """Return what stands from these offsets on, for each topic and partition asked for.

        At most ``wait_ms`` are waited for the first record of any of them.

        Raises:
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
        """
        ...

    async def ends(self, places: Sequence[tuple[str, int]], /) -> Mapping[tuple[str, int], int]:
        """Return behind which offset each of these ends now.

        Raises:
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
        """
        ...

    async def partitions(self, topic: str, /) -> int:
        """Return how many partitions a topic has: at least one.

        Raises:
            TopicMissingError: There is no such topic.
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
        """
        ...

    async def close(self) -> None:
        """Let go of the broker, within the budget, well or not."""
        ...


class Voice(Protocol):
    """The one voice on a partition of a topic: who raises it last silences all before it.

    What names another topic is said there, on the partition of the same number.

    What is said is heard at once by those who read what is not final, and by all others once it is
    settled. What is said at once becomes final whole or not at all, in order; what never does may
    be said again by the next voice, so who reads what is not final may hear it twice.
    """

    async def raise_(self) -> Received | None:
        """Silence every voice before this one; return the partition's last record, if any.

        Raises:
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
        """
        ...

    async def last_beside(self, topic: str, /) -> Received | None:
        """Return the last final record, if any, of the same partition of another topic.

        Raises:
            BrokerUnreachableError: No broker answers within the budget.
            BrokerRefusedError: The broker answers that it will not.
        """
        ...

    async def say(self, records: Sequence[Outgoing], /) -> None:
        """Let all of ``records`` be heard; in doubt whether they were, nothing more may be said.

        Raises:
            VoiceSilencedError: Another voice was raised since.
            BrokerRefusedError: The broker takes none of them.
            BrokerUnreachableError: It is not known whether they are heard; raise the voice anew.
        """
        ...

    async def settle(self) -> None:
        """Make what was said final; others may be said meanwhile, and are not part of it.

        Raises:
            VoiceSilencedError: Another voice was raised since.
            BrokerRefusedError: The broker does not take it.
            BrokerUnreachableError: It is not known whether it is; raise the voice anew.
        """
        ...

    async def fall_silent(self) -> None:
        """Let go of the broker, within the budget, well or not."""
        ...


class Sender(Protocol):
    """Sends records to topics; the broker has each of them once, in the order of the calls."""

    async def send(self, topic: str, records: Sequence[Outgoing], /) -> None:
        """Send all of ``records``, each to the partition of its key, and wait until they are kept.

        Raises:
            BrokerUnreachableError: It is not known whether they are.
            BrokerRefusedError: The broker takes not all of them; some may be kept.
        """
        ...

    async def close(self) -> None:
        """Let go of the broker, within the budget, well or not."""
        ...


class Broker(Protocol):
    """Everything that one process asks of a broker."""

    def membership(self, *, topic: str, group: str) -> Membership:
        """Return a member, that has not joined, of the group that shares a topic."""
        ...

    def reader(self) -> TopicReader:
        """Return a reader of its own."""
        ...

    def voice(self, topic: str, partition: int, /) -> Voice:
        """Return a voice, not raised, on a partition."""
        ...

    def sender(self) -> Sender:
        """Return a sender of its own."""
        ...


class TopicAdmin(Protocol):
    """A cluster's topics, seen and changed; everything ends within a budget."""

    async def see(self) -> ClusterSeen:
        """Return the nodes and the topics whose name begins as ours do.

        Raises:
            BrokerUnreachableError: Nobody answered within the budget.
            BrokerRefusedError: Who asks may not.
        """
        ...

    async def do(self, step: Step, /) -> None:
        """Do one step of a plan; once it returns, ``see`` shows it.

        A setting that the step does not name keeps its value. A topic that is to be made and is
        there already is left as it is.

        Raises:
            BrokerUnreachableError: Nobody answered within the budget; whether it was done is not
                known, and doing it again is harmless.
            BrokerRefusedError: The broker will not.
        """
        ...
