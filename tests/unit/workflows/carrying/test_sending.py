"""A recorded source on its way to a topic: in its order and at its pace, and taken up again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock, Stopwatch
from tests.fakes.sources import ArraySource
from tests.fakes.virtual_time import run_virtually
from tests.support.decisions.loops import stop_record
from tests.support.decisions.rows import SECOND_NS, START_NS, quotes
from torghut.carrying.contexts import CarriedContext, read_context
from torghut.carrying.controls import is_snapshot, read_control
from torghut.carrying.errors import BrokerUnreachableError
from torghut.carrying.messages import Outgoing, Received
from torghut.carrying.ports import Sender
from torghut.market.ports import Arrival, Cursor, Quarantined
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import DepthSnapshot
from torghut.workflows.carrying.sending import Sent, SourceSending
from torghut.workflows.decision_loop import Window
from torghut.workflows.running.pacing import Player

SYMBOLS: Final = ("fxcm:EURUSD", "fxcm:NZDUSD")
TOPIC: Final = "contexts"


@dataclass(slots=True)
class Stage(Sender):
    """A broker that says when it was sent what, and time that passes while somebody waits.

    Attributes:
        sent: When, in seconds, and how many at once.
        kept: Everything, in order.
        fails_after: Of so many calls the next one fails.
    """

    clock: Stopwatch = field(default_factory=Stopwatch)
    wall: HandClock = field(default_factory=HandClock)
    sent: list[tuple[float, int]] = field(default_factory=list)
    kept: list[CarriedContext] = field(default_factory=list)
    order: list[type[object]] = field(default_factory=list)
    fails_after: int = 10**6
    stop_after: int = 10**6

    @override
    async def send(self, topic: str, records: Sequence[Outgoing], /) -> None:
        assert topic == TOPIC
        if len(self.sent) >= self.fails_after:
            raise BrokerUnreachableError(
                asked="sending", bootstrap="nowhere", found="nobody", budget_ms=1
            )
        self.sent.append((self.clock.time_ns / SECOND_NS, len(records)))
        for one in records:
            received = Received(0, one.key, one.value, one.headers, -1)
            read = read_control(received) if is_snapshot(received) else read_context(received)
            assert isinstance(read, CarriedContext | DepthSnapshot)
            self.order.append(type(read))
            if isinstance(read, CarriedContext):
                self.kept.append(read)

    @override
    async def close(self) -> None:
        """Nothing is held."""

    def player(self, speed: float) -> Player:
        """Return a player whose pauses let time pass."""
        return Player(speed=speed, clock=self.clock, pause=self.pause, asked=self.asked)

    async def pause(self, seconds: float) -> None:
        """Let so much time pass."""
        self.clock.time_ns += round(seconds * SECOND_NS)
        self.wall.time_ns += round(seconds * SECOND_NS)

    def asked(self) -> bool:
        """Say whether enough was sent."""
        return len(self.kept) >= self.stop_after


def source_at(*seconds: float) -> ArraySource:
    """Return a source with a quote at each of some seconds."""
    rows = quotes(np.full(len(seconds), 1.3))
    rows["receive_ns"] = START_NS + (np.array(seconds) * SECOND_NS).astype(np.int64)
    rows["event_ns"] = rows["receive_ns"]
    rows["symbol"] = np.arange(len(seconds)) % 2
    rows["sequence"] = np.arange(len(seconds))
    return ArraySource(rows=rows, symbols=SYMBOLS)


def sending(
    stage: Stage, source: ArraySource, *, speed: float | None = None, window: Window | None = None
) -> SourceSending:
    """Return a source on its way."""
    return SourceSending(
        source=source,
        window=window or Window(),
        player=None if speed is None else stage.player(speed),
        sender=stage,
        topic=TOPIC,
        wall=stage.wall,
    )


def send(one: SourceSending, after: Cursor | None = None) -> Sent:
    """Send everything after a cursor."""
    return run_virtually(one.send(after=after or Cursor()))


def sequences(stage: Stage) -> list[int]:
    """Return which contexts were sent, in order."""
    return [int(one.row[5]) for one in stage.kept]


def test_everything_is_sent_in_its_order_and_as_it_is() -> None:
    stage, source = Stage(), source_at(*range(2500))

    sent = send(sending(stage, source))

    assert (sent.contexts, sent.left_out, sent.cursor.record) == (2500, 0, 2500)
    assert sequences(stage) == list(range(2500))
    assert {one.symbol for one in stage.kept[::2]} == {SYMBOLS[0]}
    assert {(one.source, one.speed) for one in stage.kept} == {(source.digests[0], None)}
    assert [int(one.row[7]) for one in stage.kept] == source.rows["receive_ns"].tolist()


def test_played_source_is_sent_when_it_is_due_and_what_is_due_together_at_once() -> None:
    stage = Stage()

    sent = send(sending(stage, source_at(0, 0, 4, 4, 4, 10), speed=2.0))

    assert stage.sent == [(0.0, 2), (2.0, 3), (5.0, 1)]
    assert sent.contexts == 6
    begun_ns = HandClock().time_ns
    assert [one.ingress_wall_ns for one in stage.kept] == [
        begun_ns + second * SECOND_NS for second in (0, 0, 2, 2, 2, 5)
    ]
    assert {one.speed for one in stage.kept} == {2.0}


def test_context_that_is_sent_late_came_in_when_it_was_due() -> None:
    stage = Stage()
    slow = sending(stage, source_at(0, 1, 2), speed=1.0)

    async def pause(seconds: float) -> None:
        await stage.pause(seconds + 3)

    assert slow.player is not None
    send(replace(slow, player=replace(slow.player, pause=pause)))

    begun_ns = HandClock().time_ns
    assert [one.ingress_wall_ns for one in stage.kept] == [
        begun_ns + second * SECOND_NS for second in (0, 1, 2)
    ]


def test_who_asks_to_stop_finds_everything_before_the_cursor_sent() -> None:
    stage = Stage(stop_after=3)

    sent = send(sending(stage, source_at(0, 1, 2, 3, 4, 5), speed=1.0))

    assert sequences(stage) == list(range(sent.cursor.record))
    assert sent.contexts == sent.cursor.record < 6
    stage.stop_after = 10**6
    send(sending(stage, source_at(0, 1, 2, 3, 4, 5), speed=1.0), after=sent.cursor)
    assert sequences(stage) == list(range(6))


@pytest.mark.parametrize("speed", [None, 1.0])
def test_sending_goes_on_behind_what_was_told_when_the_broker_did_not_answer(
    speed: float | None,
) -> None:
    stage, source = Stage(fails_after=2), source_at(*range(2500 if speed is None else 5))
    told: list[Sent] = []

    with pytest.raises(BrokerUnreachableError):
        send(replace(sending(stage, source, speed=speed), told=told.append))

    assert told[-1].contexts == told[-1].cursor.record == len(stage.kept)
    stage.fails_after = 10**6
    send(sending(stage, source, speed=speed), after=told[-1].cursor)
    assert sequences(stage) == list(range(len(source.rows)))


def test_window_sends_what_is_inside_and_its_cursor_stays_before_the_rest() -> None:
    stage = Stage()
    window = Window(from_ns=START_NS + 2 * SECOND_NS, to_ns=START_NS + 5 * SECOND_NS)

    sent = send(sending(stage, source_at(*range(10)), window=window))

    assert sequences(stage) == [2, 3, 4, 5]
    assert (sent.contexts, sent.left_out) == (4, 0)
    assert sent.cursor.record == 6


@pytest.mark.parametrize("speed", [None, 1.0])
def test_snapshot_of_a_book_keeps_its_place_among_the_contexts(speed: float | None) -> None:
    snapshot = DepthSnapshot(
        control_id="book-1",
        symbol="fxcm:EURUSD",
        update_id=7,
        bids=1,
        asks=1,
        body_digest="cd" * 32,
    )
    stage = Stage()
    source = replace(source_at(0, 1, 2), arrivals=[Arrival(row=2, record=snapshot)])

    sent = send(sending(stage, source, speed=speed))

    assert stage.order == [CarriedContext, CarriedContext, DepthSnapshot, CarriedContext]
    assert sent.left_out == 0


@pytest.mark.parametrize("speed", [None, 1.0])
def test_what_no_message_can_say_is_counted(speed: float | None) -> None:
    stage, source = Stage(), source_at(0, 1, 2, 3)
    source.rows["event_ns"][1] = -5
    source.rows["bid"][2] = math.inf
    bad = Quarantined(
        part=0, record=3, refusal=RefusalCode.UNDECODABLE, digest="ab" * 32, excerpt="x"
    )
    stop = Arrival(row=1, record=stop_record("c", "stopped"))
    with_others = replace(source, quarantined=[(3, bad)], arrivals=[stop])

    sent = send(sending(stage, with_others, speed=speed))

    assert sequences(stage) == [0, 2, 3]
    assert stage.kept[1].row[4] == int(RefusalCode.NOT_FINITE)
    assert (sent.contexts, sent.left_out) == (3, 3)
