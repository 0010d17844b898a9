"""What bounds a deployment beside what was measured: sizes, and what is declared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Bytes of what is carried and kept, all above 0.

    Attributes:
        context_value: A context as JSON.
        context_record: The same with key, headers and what the broker puts around a record.
        decision_value: A decision as JSON.
        decision_record: The same as a record.
        decision_row: A decision as the row that the log keeps, without its leaf.
        block_each: What each decision adds to a block: row, leaf, compressed context.
        block_fixed: What a block takes however few decisions are in it.
    """

    context_value: int
    context_record: int
    decision_value: int
    decision_record: int
    decision_row: int
    block_each: int
    block_fixed: int

    def block(self, decisions: float) -> float:
        """Return what a block of so many decisions takes."""
        return self.block_fixed + decisions * self.block_each


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicLoad:
    """What a topic's declaration says of its load.

    Attributes:
        name: Of the topic.
        retention_hours: None where nothing is removed for its age.
        readers: How many kinds of consumers read all of it.
        copies: On three nodes.
    """

    name: str
    retention_hours: int | None
    readers: int
    copies: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What is declared that bounds a deployment.

    Attributes:
        contexts: Topic of contexts.
        decisions: Topic of decisions.
        others: All other topics: what they take does not follow from contexts.
        partitions: Of every topic that is keyed by symbol.
        partitions_max: That a declaration may say.
        block_max: Most contexts of a block.
        snapshot_blocks: After how many blocks a partition's memory is kept.
    """

    contexts: TopicLoad
    decisions: TopicLoad
    others: tuple[TopicLoad, ...]
    partitions: int
    partitions_max: int
    block_max: int
    snapshot_blocks: int
