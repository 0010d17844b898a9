"""Why a broker cannot carry something, or its topics cannot be made what is declared."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class BrokerUnreachableError(TorghutError):
    """No broker answered within the budget."""

    code: ClassVar[str] = "carrying.broker-unreachable"
    retryable: ClassVar[bool] = True
    exit_code: ClassVar[ExitCode] = ExitCode.UNREACHABLE

    def __init__(self, *, asked: str, bootstrap: str, budget_ms: int, found: str) -> None:
        super().__init__(
            f"{asked}: expected an answer from {bootstrap} within {budget_ms} ms, found {found}; "
            "see whether a broker listens there, and whether it speaks this protocol"
        )
        self.asked = asked
        self.bootstrap = bootstrap
        self.budget_ms = budget_ms
        self.found = found


class BrokerRefusedError(TorghutError):
    """The broker answered that it will not: who asks may not, or what is asked does not fit it."""

    code: ClassVar[str] = "carrying.broker-refused"

    def __init__(
        self,
        *,
        asked: str,
        found: str,
        remedy: str = "see who may do so, and what the broker's own log says",
    ) -> None:
        super().__init__(f"{asked}: expected the broker to do it, found {found}; {remedy}")
        self.asked = asked
        self.found = found
        self.remedy = remedy


class PartitionCountKeyedError(TorghutError):
    """A keyed topic has another number of partitions than is declared.

    Changing it would send each key's next record to another partition than its earlier ones.
    """

    code: ClassVar[str] = "carrying.partition-count-keyed"

    def __init__(self, *, topic: str, declared: int, found: int) -> None:
        super().__init__(
            f"{topic}: expected {declared} partitions as declared, found {found}; a keyed topic "
            f"keeps its count, for every key's place hangs on it: declare {found} again. A "
            "deployment that runs cannot grow: for more, start a second one with topics on a "
            "broker of its own and a log of its own, and move the senders over"
        )
        self.topic = topic
        self.declared = declared
        self.found = found


class PartitionsFewerError(TorghutError):
    """A topic has more partitions than is declared, and no broker takes partitions away."""

    code: ClassVar[str] = "carrying.partitions-fewer"

    def __init__(self, *, topic: str, declared: int, found: int) -> None:
        super().__init__(
            f"{topic}: expected at most {declared} partitions as declared, found {found}; "
            f"declare {found}: no broker takes partitions away"
        )
        self.topic = topic
        self.declared = declared
        self.found = found


class PartitionsMissingError(TorghutError):
    """A topic without a key has fewer partitions than is declared."""

    code: ClassVar[str] = "carrying.partitions-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(self, *, topic: str, declared: int, found: int) -> None:
        super().__init__(
            f"{topic}: expected {declared} partitions as declared, found {found}; add those that "
            "are missing with `torghut topics apply`"
        )
        self.topic = topic
        self.declared = declared
        self.found = found


class CopiesDifferError(TorghutError):
    """A topic is kept by another number of nodes than is declared."""

    code: ClassVar[str] = "carrying.copies-differ"

    def __init__(self, *, topic: str, declared: int, found: int) -> None:
        super().__init__(
            f"{topic}: expected {declared} copies as declared, found {found}; move its partitions "
            "with the broker's own kafka-reassign-partitions, then apply again"
        )
        self.topic = topic
        self.declared = declared
        self.found = found


class NodesTooFewError(TorghutError):
    """The cluster has fewer nodes than the copies that are declared for it."""

    code: ClassVar[str] = "carrying.nodes-too-few"

    def __init__(self, *, found: int) -> None:
        super().__init__(
            f"expected a cluster of one node, or of three and more, found {found}; two nodes keep "
            "no more than one does when one of them dies: add a third, or bring it back"
        )
        self.found = found


class TopicMissingError(TorghutError):
    """A topic that is declared is not on the broker."""

    code: ClassVar[str] = "carrying.topic-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(self, *, topic: str) -> None:
        super().__init__(
            f"expected the topic {topic}, found none of that name; "
            "make what is declared with `torghut topics apply`"
        )
        self.topic = topic


class TopicUnsafeError(TorghutError):
    """A topic would lose what it acknowledged where one node is lost."""

    code: ClassVar[str] = "carrying.topic-unsafe"
    exit_code: ClassVar[ExitCode] = ExitCode.CONTRACT

    def __init__(self, *, topic: str, what: str, expected: str, found: str) -> None:
        super().__init__(
            f"{topic}: expected {what} {expected} as declared, found {found}: what it acknowledges "
            "may be lost; make it what is declared with `torghut topics apply`"
        )
        self.topic = topic
        self.what = what
        self.expected = expected
        self.found = found


class OffsetsGoneError(TorghutError):
    """The log goes on at an offset that the topic does not have: it was cut, or made anew."""

    code: ClassVar[str] = "carrying.offsets-gone"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, place: str, expected: int, found: str) -> None:
        super().__init__(
            f"{place}: expected a topic that goes on at offset {expected}, found {found}; "
            "use the topic that the log was decided from, or begin a new log"
        )
        self.place = place
        self.expected = expected


class VoiceSilencedError(TorghutError):
    """Another process publishes a partition's decisions by now: this one must not any more."""

    code: ClassVar[str] = "carrying.voice-silenced"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, place: str) -> None:
        super().__init__(
            f"{place}: expected to be the only one that publishes it, found another that took it "
            "over; let go of the partition and join again"
        )
        self.place = place


TopicRefusal = PartitionCountKeyedError | PartitionsFewerError | CopiesDifferError
"""Why a topic that is there cannot be made what is declared."""
