"""The auditor finds whatever may go wrong between topics and log, and nothing where nothing did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

import numpy as np
import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.support.decisions.kernels import compiled
from tests.support.decisions.logs import contexts, usual_setup
from torghut.carrying.contexts import CarriedContext, context_message, read_context
from torghut.carrying.controls import control_message
from torghut.carrying.errors import BrokerUnreachableError
from torghut.carrying.messages import BLOCK_DIGEST, LOG_POSITION, Outgoing, Reading, Received
from torghut.carrying.ports import Broker, Membership, Sender, TopicReader, Voice
from torghut.eventlog.block import Arm, Block
from torghut.eventlog.memory import InMemoryLog
from torghut.kernel.digests import leaf_digest
from torghut.market.ports import Batch, Cursor, Quarantined, Source, SourceDescription, SourcePart
from torghut.schemas.block import BlockRecords, read_block_records
from torghut.schemas.control import DepthSnapshot
from torghut.schemas.live.naming import feed_digest
from torghut.schemas.rows import CONTEXT
from torghut.schemas.rows.decision import decision_dtype
from torghut.workflows.carrying.auditing import Auditor, PartitionAudit
from torghut.workflows.carrying.terms import CarriedTopics
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.live.told.outcomes import Renderings, outcomes_of, settled_then
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.opening import open_fold

TOPICS: Final = CarriedTopics()
CONTEXTS: Final = (TOPICS.contexts, 0)
DECISIONS: Final = (TOPICS.decisions, 0)
SYMBOLS: Final = ("fxcm:EURUSD", "fxcm:NZDUSD")
SOURCE: Final = "ab" * 32
POISON: Final = 7
COUNT: Final = 60
SIZE: Final = 16
_AT_ONCE: Final = 9

Place = tuple[str, int]


@dataclass(slots=True)
class FakeReader(TopicReader):
    """Reads topics that do not change, a few records at a time."""

    topics: Mapping[Place, Sequence[Received]]
    asked: Callable[[Place], None]
    open: bool = True

    @override
    async def read(self, after: Mapping[Place, int], /, *, wait_ms: int) -> Mapping[Place, Reading]:
        found = {}
        for place, offset in after.items():
            left = [one for one in self.topics[place] if one.offset >= offset][:_AT_ONCE]
            found[place] = Reading(left, left[-1].offset + 1 if left else offset)
        return found

    @override
    async def ends(self, places: Sequence[Place], /) -> Mapping[Place, int]:
        found = {}
        for place in places:
            self.asked(place)
            records = self.topics[place]
            found[place] = records[-1].offset + 1 if records else 0
        await asyncio.sleep(0)  # others go on meanwhile
        return found

    @override
    async def partitions(self, topic: str, /) -> int:
        return 1

    @override
    async def close(self) -> None:
        self.open = False


@dataclass(slots=True)
class FakeBroker(Broker):
    """Has readers and nothing else.

    Attributes:
        topics: That they read.
        asked: Called when somebody asks where a partition ends.
        readers: That it made.
    """

    topics: dict[Place, list[Received]]
    asked: Callable[[Place], None] = lambda _place: None
    readers: list[FakeReader] = field(default_factory=list)

    @override
    def reader(self) -> TopicReader:
        self.readers.append(FakeReader(self.topics, self.asked))
        return self.readers[-1]

    @override
    def membership(self, *, topic: str, group: str) -> Membership:
        raise NotImplementedError

    @override
    def voice(self, topic: str, partition: int, /) -> Voice:
        raise NotImplementedError

    @override
    def sender(self) -> Sender:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicSource(Source):
    """The topic of contexts as a worker takes it, or as one would that makes a mistake.

    Attributes:
        records: In the order in which they are taken.
    """

    records: Sequence[Received]

    @property
    @override
    def description(self) -> SourceDescription:
        parts = [SOURCE, feed_digest(f"{TOPICS.contexts}/0")]
        return SourceDescription(
            kind="topic",
            parts=[SourcePart(name=one[:4], digest=one) for one in parts],
            symbols=SYMBOLS,
            columns=CONTEXT.names or (),
            assumptions={},
        )

    @override
    def batches(self, *, after: Cursor, max_records: int) -> Iterator[Batch]:
        left = [one for one in self.records if one.offset >= after.record]
        for start in range(0, len(left), max_records):
            part = left[start : start + max_records]
            yield _batch(part, until=max(one.offset for one in part) + 1)


def _batch(records: Sequence[Received], *, until: int) -> Batch:
    """Return records as a batch that ends before an offset."""
    rows: list[tuple[float, ...]] = []
    aside: list[Quarantined] = []
    for one in records:
        read = read_context(one)
        if isinstance(read, CarriedContext):
            rows.append((SYMBOLS.index(read.symbol), 0, *read.row[2:]))
        else:
            kept = Quarantined(
                part=1,
                record=one.offset,
                refusal=read.refusal,
                digest=read.digest,
                excerpt=read.excerpt,
            )
            aside.append(kept)
    return Batch(contexts=np.array(rows, CONTEXT), quarantined=aside, cursor=Cursor(record=until))


@dataclass(slots=True)
class World:
    """Topics and a log that belong together, until a test changes one of them."""

    topics: dict[Place, list[Received]]
    log: InMemoryLog
    asked: Callable[[Place], None] = lambda _place: None
    told: list[tuple[int, int]] = field(default_factory=list)

    @property
    def decisions(self) -> list[Received]:
        """The topic of decisions."""
        return self.topics[DECISIONS]

    @property
    def chain(self) -> list[Block]:
        """The chain."""
        return self.log.kept.chains[0]

    def audit(self, broker: FakeBroker | None = None) -> PartitionAudit:
        """Return what the auditor finds."""
        auditor = Auditor(
            broker=broker or FakeBroker(self.topics, self.asked),
            log=self.log,
            topics=TOPICS,
            told=lambda partition, blocks: self.told.append((partition, blocks)),
        )
        return asyncio.run(auditor.audit(0))


@cache
def sent() -> Sequence[Received]:
    """Return the topic of contexts; one of them is none."""
    rows = contexts(COUNT)
    found = []
    for offset, row in enumerate(rows.tolist()):
        made = context_message(
            (0, 0, *row[2:5], offset + 1, *row[6:]),
            symbol=SYMBOLS[row[0]],
            source=SOURCE,
            ingress_wall_ns=1_700_000_000_000_000_000 + offset,
            speed=None,
        )
        assert made is not None
        one = replace_value(made, b"{not json") if offset == POISON else made
        found.append(Received(offset, one.key, one.value, one.headers, 1))
    return tuple(found)


def replace_value(one: Outgoing, value: bytes) -> Outgoing:
    """Return a record that says something else."""
    return Outgoing(one.key, value, one.headers, one.topic)


async def _decided(taken: Sequence[Received]) -> InMemoryLog:
    """Return the log of a worker that took these records."""
    log = InMemoryLog(clock=HandClock())
    opened = await open_fold(log, usual_setup())
    await run_loop(
        Run(
            source=TopicSource(records=taken),
            log=log,
            fold=opened.fold,
            settings=LoopSettings(batch_records=SIZE),
        )
    )
    return log


async def _published(log: InMemoryLog) -> list[Received]:
    """Return the topic of decisions, as it was published when all of it was young."""
    renderings = Renderings(Rulebook(log, run_id=""))
    found: list[Received] = []
    async for block in log.blocks(0):
        for line in await outcomes_of(settled_then(block), renderings):
            young = line.text.replace(
                b'"ingress_wall_ns":null,"speed":1.0,',
                b'"ingress_wall_ns":"1700000000000000000","speed":null,',
            )
            headers = [
                (LOG_POSITION, b"0:%d:%d" % (block.number, line.place)),
                (BLOCK_DIGEST, block.digest.encode()),
            ]
            found.append(Received(len(found), None, young, headers, 1))
    return found


def world(taken: Sequence[Received] | None = None) -> World:
    """Return a world in which these records were taken, by default all as they were sent."""

    async def made() -> World:
        log = await _decided(sent() if taken is None else taken)
        return World({CONTEXTS: list(sent()), DECISIONS: await _published(log)}, log)

    return asyncio.run(made())


@pytest.fixture
def sound() -> World:
    compiled()
    return world()


def numbered(records: Sequence[Received]) -> list[Received]:
    """Return records with offsets of their own again."""
    return [
        Received(place, one.key, one.value, one.headers, one.timestamp_ms)
        for place, one in enumerate(records)
    ]


def test_sound_world_is_complete_and_nothing_in_it_is_wrong(sound: World) -> None:
    found = sound.audit()

    assert found.findings == []
    assert (found.records, found.outcomes, found.published) == (COUNT, COUNT, COUNT - 1)
    assert found.complete
    assert sound.told[-1] == (0, len(sound.chain))


def test_snapshot_of_a_book_among_contexts_is_taken_as_a_control_record() -> None:
    one = world([read for read in sent() if read.offset != 20])
    snapshot = DepthSnapshot(
        control_id="book", symbol=SYMBOLS[0], update_id=1, bids=1, asks=1, body_digest="cd" * 32
    )
    made = control_message(snapshot, wall_ns=1)
    one.topics[CONTEXTS][20] = Received(20, made.key, made.value, made.headers, 1)
    lost = one.audit()
    block = one.chain[1]
    kept = read_block_records(block.records)
    taken = {**kept.model_dump(), "received": [{"row": 0, "record": snapshot.model_dump()}]}
    one.chain[1:] = relinked(one.chain, 1, BlockRecords(**taken).model_dump_json().encode())
    one.topics[DECISIONS] = asyncio.run(_published(one.log))

    found = one.audit()

    assert lost.findings == ["block 1 has no outcome of offset 20 where that was taken"]
    assert found.findings == []
    assert (found.records, found.outcomes) == (COUNT, COUNT)


def relinked(chain: Sequence[Block], first: int, records: bytes) -> list[Block]:
    """Return a chain from a block on, that block with other records."""
    made: list[Block] = []
    for block in chain[first:]:
        previous = made[-1].digest if made else block.previous
        said = block.records if made else records
        made.append(replace(block, previous=previous, records=said))
    return made


def test_marks_between_records_are_no_gaps(sound: World) -> None:
    sound.decisions[:] = [
        Received(2 * one.offset, one.key, one.value, one.headers, 1) for one in sound.decisions
    ]

    assert sound.audit().findings == []


def test_record_that_was_passed_over_has_no_outcome() -> None:
    found = world([one for one in sent() if one.offset != 20]).audit()

    assert found.wrong == 1
    assert found.findings[0].startswith("block 1 has no outcome of ")


def test_poison_that_was_passed_over_has_no_outcome() -> None:
    found = world([one for one in sent() if one.offset != POISON]).audit()

    assert found.findings == [f"block 0 has no outcome of offset {POISON} where that was taken"]


def test_record_that_was_decided_twice_is_found() -> None:
    taken = list(sent())
    taken.insert(12, taken[11])

    found = world(taken).audit()

    assert found.wrong == 1
    assert found.findings[0].startswith("block 0 has an outcome of ")


def test_records_that_were_decided_in_another_order_are_found() -> None:
    taken = list(sent())
    taken[30], taken[31] = taken[31], taken[30]

    found = world(taken).audit()

    assert found.wrong == 2


def test_outcome_that_was_left_out_of_the_topic_is_found_alone(sound: World) -> None:
    left_out = sound.decisions.pop(25)

    found = sound.audit()

    position, after = (
        dict(one.headers)[LOG_POSITION].decode() for one in (left_out, sound.decisions[25])
    )
    assert found.findings == [f"{position} is not published before {after}"]
    assert found.untold == 0


def test_outcome_that_was_published_twice_is_found_alone(sound: World) -> None:
    twice = sound.decisions[25]
    sound.topics[DECISIONS] = numbered([*sound.decisions[:28], twice, *sound.decisions[28:]])

    found = sound.audit()

    position = dict(twice.headers)[LOG_POSITION].decode()
    assert len(found.findings) == 1
    assert found.findings[0].startswith(f"{position} is published where ")


def test_outcomes_that_were_published_in_another_order_are_found(sound: World) -> None:
    records = list(sound.decisions)
    records[40], records[41] = records[41], records[40]
    sound.topics[DECISIONS] = numbered(records)

    assert sound.audit().wrong == 2


def test_last_outcome_published_twice_is_found(sound: World) -> None:
    sound.topics[DECISIONS] = numbered([*sound.decisions, sound.decisions[-1]])

    assert sound.audit().wrong == 1


def test_altered_outcome_is_found(sound: World) -> None:
    one = sound.decisions[33]
    assert one.value is not None
    value = one.value.replace(b'"currency":"USD"', b'"currency":"EUR"')
    assert value != one.value
    sound.decisions[33] = Received(33, one.key, value, one.headers, 1)

    found = sound.audit()

    assert found.wrong == 1
    assert found.findings[0].endswith("was published with another content")


def test_what_was_measured_is_no_alteration(sound: World) -> None:
    one = sound.decisions[33]
    assert one.value is not None
    value = one.value.replace(b'"speed":null', b'"speed":10.0')
    sound.decisions[33] = Received(33, one.key, value, one.headers, 1)

    assert sound.audit().findings == []


def test_outcome_of_another_block_is_found(sound: World) -> None:
    one = sound.decisions[33]
    headers = [(name, b"0" * 64 if name == BLOCK_DIGEST else was) for name, was in one.headers]
    sound.decisions[33] = Received(33, one.key, one.value, headers, 1)

    found = sound.audit()

    assert found.wrong == 1
    assert found.findings[0].endswith("was published out of another block")


@pytest.mark.parametrize("headers", [[], [(LOG_POSITION, b"nonsense")]])
def test_record_that_says_no_position_is_found(
    sound: World, headers: list[tuple[str, bytes]]
) -> None:
    one = sound.decisions[33]
    sound.decisions[33] = Received(33, one.key, one.value, headers, 1)

    assert sound.audit().wrong >= 1


def test_gap_in_a_symbols_sequence_is_found(sound: World) -> None:
    renumber(sound.chain, first=2)
    sound.topics[DECISIONS] = asyncio.run(_published(sound.log))

    found = sound.audit()

    assert found.wrong == len(SYMBOLS)
    assert all("sequence" in one for one in found.findings)


def renumber(chain: list[Block], *, first: int) -> None:
    """Leave a number out of every symbol's sequence, in a chain that is sound by itself."""
    previous = chain[first - 1].digest
    for number in range(first, len(chain)):
        block = chain[number]
        packed = block.arms["serving"].rows
        rows = np.frombuffer(bytearray(packed), decision_dtype(packed))
        rows["sequence"] += 1
        leaves = b"".join(leaf_digest(row.tobytes()) for row in rows)
        arm = Arm(rows=rows.tobytes(), leaves=leaves)
        chain[number] = replace(block, previous=previous, arms={**block.arms, "serving": arm})
        previous = chain[number].digest


def test_records_that_nobody_took_yet_wait(sound: World) -> None:
    sound.topics[CONTEXTS] += [Received(COUNT + more, None, b"", [], 1) for more in range(3)]

    found = sound.audit()

    assert (found.waiting, found.wrong) == (3, 0)
    assert not found.complete


def test_outcomes_that_nobody_published_yet_are_untold(sound: World) -> None:
    del sound.decisions[-4:]

    found = sound.audit()

    assert (found.untold, found.wrong) == (4, 0)
    assert not found.complete


def test_outcome_that_the_log_does_not_have_is_found(sound: World) -> None:
    lost = len(settled_then(sound.chain[-1]).names)
    del sound.chain[-1]

    found = sound.audit()

    assert found.wrong == lost
    assert found.waiting == lost


@pytest.mark.parametrize("asked_before", [1, 2])
def test_what_happens_while_it_looks_is_not_wrong(asked_before: int) -> None:
    sound = world()
    early, late = list(sound.chain[:2]), list(sound.chain[2:])
    records = {place: list(found) for place, found in sound.topics.items()}
    told = sum(len(settled_then(block).names) for block in early)
    sound.chain[:] = early
    sound.topics[CONTEXTS] = records[CONTEXTS][: 2 * SIZE]
    sound.topics[DECISIONS] = records[DECISIONS][:told]
    moved: list[Place] = []

    def asked(place: Place) -> None:
        """Everything moves on as soon as so many topics' ends were asked for."""
        moved.append(place)
        if len(moved) == asked_before:
            asyncio.get_running_loop().call_soon(move_on)

    def move_on() -> None:
        sound.chain.extend(late)
        sound.topics.update(records)

    sound.asked = asked

    assert sound.audit().findings == []


@pytest.mark.parametrize("away", [CONTEXTS, DECISIONS])
def test_every_reader_is_closed_where_nobody_says_how_far_a_topic_goes(
    sound: World, away: Place
) -> None:
    def asked(place: Place) -> None:
        if place == away:
            raise BrokerUnreachableError(
                asked="ends", bootstrap="memory", budget_ms=1, found="nobody"
            )

    broker = FakeBroker(sound.topics, asked)
    with pytest.raises(BrokerUnreachableError):
        sound.audit(broker)
    assert broker.readers
    assert not any(one.open for one in broker.readers)


def test_alteration_in_the_log_itself_ends_the_audit(sound: World) -> None:
    block = sound.chain[1]
    sound.chain[1] = replace(block, header=block.header + b" ")

    with pytest.raises(Exception, match="block 2") as caught:
        sound.audit()

    assert type(caught.value).__name__ == "LogIntegrityError"


@pytest.mark.parametrize("first", [3, 20, 33, COUNT])
def test_records_that_the_topic_of_contexts_no_longer_keeps_are_not_compared(
    sound: World, first: int
) -> None:
    after = Received(COUNT, None, b"", [], 1)
    sound.topics[CONTEXTS] = [*sound.topics[CONTEXTS][first:], after]

    found = sound.audit()

    poison = 1 if first > POISON else 0
    assert found.findings == []
    assert (found.records, found.removed, found.waiting) == (COUNT - first, first - poison, 1)


@pytest.mark.parametrize("first", [3, 20, 33])
def test_outcomes_that_the_topic_of_decisions_no_longer_keeps_are_not_compared(
    sound: World, first: int
) -> None:
    sound.topics[DECISIONS] = sound.decisions[first:]

    found = sound.audit()

    assert found.findings == []
    assert (found.removed, found.published, found.untold) == (first, COUNT - 1 - first, 0)


def test_outcome_is_missed_behind_the_removed_ones(sound: World) -> None:
    sound.topics[DECISIONS] = [*sound.decisions[10:40], *sound.decisions[41:]]

    assert sound.audit().wrong == 1


def test_record_without_outcome_is_found_behind_the_removed_ones() -> None:
    one = world([one for one in sent() if one.offset != 40])
    one.topics[CONTEXTS] = one.topics[CONTEXTS][35:]

    assert one.audit().wrong
