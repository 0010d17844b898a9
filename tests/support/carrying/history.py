"""Checks a whole history, by the topics and the log alone, with none of the code that made it.

What a worker and ``torghut audit`` have in common may be wrong in both, and neither would say so.
So nothing of Torghut is imported here, and of the log only that is read which a database says of
it: heads, cursors, digests, and how much each block says that it holds. ``history_reading`` reads.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Any, Final, TypeAlias

CONTEXTS: Final = "torghut.market-context.v1"
DECISIONS: Final = "torghut.decisions.v1"
COMMANDS: Final = "torghut.commands.v1"
ANSWERS: Final = "torghut.control-outcomes.v1"
QUARANTINE: Final = "torghut.quarantine.v1"

DECIDED: Final = "live.decided.v1"
REFUSED: Final = "live.refused.v1"

Place: TypeAlias = tuple[int, int]
"""A partition, and an offset in it or the number of a block of it."""

Position: TypeAlias = tuple[int, int, int]
"""A partition, a block of it, and a place in that."""

_NOWHERE: Final = (-1, -1, -1)
_POSITION: Final = re.compile(r"(\d+):(\d+):(\d+)")
_BODIES: Final = ("decision", "refusal", "record")
_WORDS: Final = frozenset(
    {
        *("type", "position", "context_id", "decision_id", "symbol", "event_ns", "sequence"),
        *("target_position", "digest", "control_id", "status", "state"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as it stands in a topic.

    Attributes:
        digest: sha256 of its value.
        words: What it spells that is looked at, its body's and over them its own.
    """

    partition: int
    offset: int
    digest: str
    headers: Mapping[str, str]
    words: Mapping[str, Any]

    @classmethod
    def read(cls, place: Place, value: bytes | None, headers: Mapping[str, bytes]) -> Record:
        """Return a record out of its bytes."""
        partition, offset = place
        return cls(
            partition=partition,
            offset=offset,
            digest=hashlib.sha256(value or b"").hexdigest(),
            headers={name: said.decode("ascii", "replace") for name, said in headers.items()},
            words=_words(value or b""),
        )

    @property
    def place(self) -> Place:
        """Where it stands in its topic."""
        return self.partition, self.offset

    @property
    def position(self) -> Position:
        """Where it stands in the log; before everything where it does not say."""
        match = _POSITION.fullmatch(self.headers.get("log-position", ""))
        return (int(match[1]), int(match[2]), int(match[3])) if match else _NOWHERE

    @property
    def found(self) -> Place:
        """Where the record was found that this one sets aside."""
        return int(self.headers.get("partition", -1)), int(self.headers.get("offset", -1))

    @property
    def name(self) -> str:
        """The id of the context that it is or is about; else its offset."""
        return str(self.words.get("context_id", f"offset {self.offset}"))

    @property
    def symbol(self) -> str:
        """Of that context."""
        return ":".join(self.name.split(":")[1:3])

    @property
    def happened(self) -> tuple[str, str]:
        """Symbol and time of that context."""
        return str(self.words.get("symbol")), str(self.words.get("event_ns"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """What the database says of a block.

    Attributes:
        previous: Digest of the block before it.
        digest: Its own.
        taken: The offset behind everything that was taken by then.
        decisions: How many it says that it holds.
        others: How many refusals and quarantined records, likewise.
    """

    previous: str
    digest: str
    taken: int
    decisions: int
    others: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that happened, and what was sent before it did.

    Attributes:
        topics: All records of each topic, partition by partition in their order.
        blocks: By partition and number.
        heads: Number and digest of the last block of each partition.
        sent: Symbol and time of every context that the broker acknowledged.
        poison: Where every record stands that is no context and was acknowledged.
        partitions: How many the topic of contexts has, and so the log.
    """

    topics: Mapping[str, Sequence[Record]]
    blocks: Mapping[Place, Block]
    heads: Mapping[int, tuple[int, str]]
    sent: Sequence[tuple[str, str]]
    poison: Sequence[Place]
    partitions: int

    @property
    def aside(self) -> frozenset[Place]:
        """Where everything stands that was set aside."""
        return frozenset(one.found for one in self.topics[QUARANTINE])

    @property
    def taken(self) -> Sequence[Record]:
        """The contexts, without what was set aside."""
        aside = self.aside
        return [one for one in self.topics[CONTEXTS] if one.place not in aside]

    @property
    def stops(self) -> Sequence[str]:
        """The stops that were thrown; none of them is ever released here."""
        thrown = [one.words for one in self.topics[COMMANDS] if one.words.get("state") == "stopped"]
        return sorted({str(one["control_id"]) for one in thrown})

    @property
    def stopped(self) -> Sequence[Record]:
        """What partitions say of the stops that they took."""
        stops, answers = frozenset(self.stops), self.topics[ANSWERS]
        taken = [one for one in answers if one.words.get("status") == "taken"]
        return [one for one in taken if one.words["control_id"] in stops]


def findings(of: History) -> Sequence[str]:
    """Return everything that is wrong with a history, in words; nothing where all is well."""
    return [
        *_out_of_place(of),
        *_decided_twice(of),
        *_not_once(of),
        *_out_of_order(of),
        *_out_of_number(of),
        *_lost(of),
        *_wrongly_set_aside(of),
        *_broken_log(of),
        *_unheard(of),
        *_raised_behind_a_stop(of),
    ]


def counts(of: History) -> Mapping[str, int]:
    """Return how much there is of everything: a history of nothing is well, and shows nothing."""
    kinds = Counter(one.words.get("type") for one in of.topics[DECISIONS])
    return {
        "contexts": len(of.topics[CONTEXTS]),
        "decided": kinds[DECIDED],
        "refused": kinds[REFUSED],
        "quarantined": len(of.aside),
        "blocks": len(of.blocks),
        "exposed": sum(bool(one.words.get("target_position")) for one in of.topics[DECISIONS]),
        "stops": len(of.stops),
    }


def _out_of_place(of: History) -> Iterator[str]:
    """Say of outcomes that do not ascend as the log does, or are of no block of it."""
    last: dict[int, Position] = {}
    for one in of.topics[DECISIONS]:
        at, before = one.position, last.get(one.partition, _NOWHERE)
        last[one.partition] = at
        if at <= before:
            yield f"the outcome at {one.place} has the log position {at} after {before}"
        if at[0] != one.partition or one.words.get("position") != one.headers.get("log-position"):
            yield f"the outcome at {one.place} says both {at} and {one.words.get('position')}"
        block = of.blocks.get(at[:2])
        if block is None or block.digest != one.headers.get("block-digest"):
            yield f"the outcome at {one.place} is of a block that is not in the log"


def _decided_twice(of: History) -> Iterator[str]:
    """Say of contexts that were decided more than once, and of outcomes that are none."""
    decided: Counter[str] = Counter()
    for one in of.topics[DECISIONS]:
        if one.words.get("type") not in {DECIDED, REFUSED}:
            yield f"the record at {one.place} is no outcome"
        elif one.words["type"] == DECIDED:
            decided[one.name] += 1
            if one.words.get("decision_id") != f"{one.name}/serving":
                yield f"the decision at {one.place} of {one.name} does not serve"
    yield from (f"{name} is decided {often} times" for name, often in decided.items() if often > 1)


def _not_once(of: History) -> Iterator[str]:
    """Say of contexts that have more or fewer outcomes than they came in times."""
    came = Counter((one.partition, one.name) for one in of.taken)
    told = Counter((one.partition, one.name) for one in of.topics[DECISIONS])
    for partition, name in sorted(came.keys() | told.keys()):
        if (often := came[partition, name]) != (outcomes := told[partition, name]):
            yield f"{name} came {often} times into {partition} and has {outcomes} outcomes"


def _out_of_order(of: History) -> Iterator[str]:
    """Say of symbols whose outcomes do not follow each other as their contexts do."""
    came, told = _by_symbol(of.taken), _by_symbol(of.topics[DECISIONS])
    for symbol, contexts in came.items():
        names = [one.name for one in contexts]
        outcomes = [one.name for one in told.get(symbol, ())]
        for name, outcome in zip_longest(names, outcomes, fillvalue="nothing"):
            if name != outcome:
                yield f"{symbol}: where {name} came, the outcome is of {outcome}"
                break


def _out_of_number(of: History) -> Iterator[str]:
    """Say of symbols whose decisions are not numbered from 1 without a gap."""
    for symbol, outcomes in _by_symbol(of.topics[DECISIONS]).items():
        numbers = [one.words["sequence"] for one in outcomes if "sequence" in one.words]
        for before, number in pairwise((0, *numbers)):
            if number != before + 1:
                yield f"{symbol} has sequence {number} after {before}"


def _lost(of: History) -> Iterator[str]:
    """Say of contexts that were acknowledged and are not in the topic, or have no outcome."""
    names = {one.happened: one.name for one in of.topics[CONTEXTS]}
    told = {one.name for one in of.topics[DECISIONS]}
    for symbol, event_ns in of.sent:
        name = names.get((symbol, event_ns))
        if name is None:
            yield f"{symbol} at {event_ns} was acknowledged and is not in the topic"
        elif name not in told:
            yield f"{name} was acknowledged and has no outcome"


def _wrongly_set_aside(of: History) -> Iterator[str]:
    """Say of what was set aside and should not have been, and of poison that was not."""
    came = {one.place: one for one in of.topics[CONTEXTS]}
    sent, first = frozenset(of.sent), dict[Place, Record]()
    for one in of.topics[QUARANTINE]:
        record, before = came.get(one.found), first.setdefault(one.found, one)
        if one.headers.get("topic") != CONTEXTS or record is None:
            yield f"the record at {one.found} is set aside, and was never sent"
        elif one.words.get("digest") != record.digest:
            yield f"the record at {one.found} is set aside as another one"
        elif record.happened in sent:
            yield f"{record.name} at {one.found} is a context, and set aside"
        if before is not one:
            yield f"the record at {one.found} is set aside again"
    yield from (
        f"the poison at {place} is not set aside" for place in of.poison if place not in first
    )


def _broken_log(of: History) -> Iterator[str]:
    """Say of blocks that do not follow each other, or hold another number than was told."""
    told = Counter((one.position[:2], one.words.get("type")) for one in of.topics[DECISIONS])
    told.update((at[:2], REFUSED) for at in {one.position for one in of.topics[QUARANTINE]})
    for (partition, number), block in of.blocks.items():
        before = of.blocks.get((partition, number - 1))
        if number and (before is None or before.digest != block.previous):
            yield f"block {partition}:{number} does not follow the one before it"
        heard = tuple(told[(partition, number), kind] for kind in (DECIDED, REFUSED))
        if heard != (block.decisions, block.others):
            holds = (block.decisions, block.others)
            yield f"block {partition}:{number} holds {holds} decisions and others, told: {heard}"
    ends = {one.partition: one.offset + 1 for one in of.topics[CONTEXTS]}
    for partition in range(of.partitions):
        number, digest = of.heads.get(partition, (-1, ""))
        last = of.blocks.get((partition, number))
        if number >= 0 and (last is None or last.digest != digest):
            yield f"partition {partition} ends with block {number}, which is not in the log"
        elif (0 if last is None else last.taken) < ends.get(partition, 0):
            yield f"partition {partition} has contexts that the log did not take"


def _unheard(of: History) -> Iterator[str]:
    """Say of partitions that did not take a stop, or took it more than once."""
    taken = Counter((one.partition, one.words["control_id"]) for one in of.stopped)
    for partition in range(of.partitions):
        for stop in of.stops:
            if (often := taken[partition, stop]) != 1:
                yield f"partition {partition} took the stop {stop} {often} times"


def _raised_behind_a_stop(of: History) -> Iterator[str]:
    """Say of decisions that hold more than before, or the contrary, though a stop was taken."""
    since = {one.partition: one.position for one in reversed(of.stopped)}
    held = defaultdict[str, float](float)
    for one in of.topics[DECISIONS]:
        target = one.words.get("target_position")
        if target is None:
            continue
        before, held[one.symbol] = held[one.symbol], target
        stopped = one.partition in since and one.position >= since[one.partition]
        if stopped and (abs(target) > abs(before) or target * before < 0):
            yield f"{one.name} goes from {before} to {target} behind a stop"


def _by_symbol(records: Sequence[Record]) -> Mapping[str, Sequence[Record]]:
    """Return records by their symbols, in their order."""
    found = defaultdict[str, list[Record]](list)
    for one in records:
        found[one.symbol].append(one)
    return found


def _words(value: bytes) -> Mapping[str, Any]:
    """Return what a value spells that is looked at; nothing where it spells no object."""
    try:
        whole = json.loads(value)
    except ValueError:
        return {}
    if not isinstance(whole, dict):
        return {}
    inner = [body for name in _BODIES if isinstance(body := whole.get(name), dict)]
    return {name: said for part in (*inner, whole) for name, said in part.items() if name in _WORDS}
