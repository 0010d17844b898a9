"""The checker of histories finds what may go wrong in one, and nothing where nothing did."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final

import pytest

from tests.support.carrying.history import (
    ANSWERS,
    COMMANDS,
    CONTEXTS,
    DECISIONS,
    QUARANTINE,
    Block,
    History,
    Record,
    counts,
    findings,
)
from tests.support.decisions.declared import ROOT

SYMBOLS: Final = ("fxcm:EURUSD", "fxcm:NZDUSD")
POISON: Final = b"no context"
AT: Final = 4
"""Offset of the poison, between two contexts of each symbol and two more."""

Changed = Callable[[History], History]


def name_of(symbol: str, number: int) -> str:
    return f"{'ab' * 16}:{symbol}:quote:{number}"


def spelled(symbol: str, number: int) -> bytes:
    said = {
        "context_id": name_of(symbol, number),
        "symbol": symbol,
        "event_ns": str(1_000 + number),
    }
    return json.dumps(said).encode()


def context(offset: int, symbol: str, number: int) -> Record:
    return Record.read((0, offset), spelled(symbol, number), {})


def outcome(
    offset: int, place: tuple[int, int], symbol: str, number: int, **more: object
) -> Record:
    """Return a decision, or a refusal where it has no ``sequence``."""
    kind, body = ("decided", "decision") if "sequence" in more else ("refused", "refusal")
    name, position = name_of(symbol, number), f"0:{place[0]}:{place[1]}"
    inner = {"context_id": name, "decision_id": f"{name}/serving", "position": 1.0, **more}
    said = {"type": f"live.{kind}.v1", "position": position, body: inner}
    headers = {"log-position": position.encode(), "block-digest": b"block-%d" % place[0]}
    return Record.read((0, offset), json.dumps(said).encode(), headers)


def set_aside(offset: int, at: int, value: bytes) -> Record:
    said = {"type": "market.record-quarantined.v1", "digest": sha256(value).hexdigest()}
    headers = {"topic": CONTEXTS.encode(), "partition": b"0", "offset": b"%d" % at}
    headers["log-position"] = b"0:0:4"
    return Record.read((0, offset), json.dumps(said).encode(), headers)


def block(number: int, taken: int, decisions: int, others: int) -> Block:
    return Block(
        previous=f"block-{number - 1}",
        digest=f"block-{number}",
        taken=taken,
        decisions=decisions,
        others=others,
    )


def whole() -> History:
    """Return two blocks of two symbols: poison, one context that came again, and a stop between."""
    one, two = SYMBOLS
    stop = {"control_id": "halt", "state": "stopped", "kind": "stop"}
    answer = {"type": "live.control-recorded.v1", "status": "taken", "control_id": "halt"}
    return History(
        topics={
            CONTEXTS: [
                *(context(0, one, 1), context(1, two, 1), context(2, one, 2), context(3, two, 2)),
                Record.read((0, AT), POISON, {}),
                *(context(5, one, 3), context(6, two, 2)),
            ],
            DECISIONS: [
                outcome(0, (0, 0), one, 1, sequence=1, target_position=5.0),
                outcome(1, (0, 1), two, 1, sequence=1, target_position=-5.0),
                outcome(2, (0, 2), one, 2, sequence=2, target_position=7.0),
                outcome(3, (0, 3), two, 2, sequence=2, target_position=None),
                outcome(5, (1, 0), one, 3, sequence=3, target_position=2.0),
                outcome(6, (1, 1), two, 2),
            ],
            COMMANDS: [Record.read((0, 0), json.dumps(stop).encode(), {})],
            ANSWERS: [Record.read((0, 0), json.dumps(answer).encode(), {"log-position": b"0:1:0"})],
            QUARANTINE: [set_aside(0, AT, POISON)],
        },
        blocks={(0, 0): block(0, 5, 4, 1), (0, 1): block(1, 7, 1, 1)},
        heads={0: (1, "block-1")},
        sent=[(one, "1001"), (two, "1001"), (one, "1002"), (two, "1002"), (one, "1003")],
        poison=[(0, AT)],
        partitions=1,
    )


def with_topic(of: History, topic: str, records: Sequence[Record]) -> History:
    return replace(of, topics={**of.topics, topic: records})


def without(of: History, topic: str, place: int) -> History:
    records = of.topics[topic]
    return with_topic(of, topic, [*records[:place], *records[place + 1 :]])


def with_outcome(of: History, place: int, one: Record) -> History:
    """Return a history with another outcome in a place."""
    told = of.topics[DECISIONS]
    return with_topic(of, DECISIONS, [*told[:place], one, *told[place + 1 :]])


def doubled(of: History) -> History:
    """Let one decide what was decided before, with a place of its own."""
    return with_outcome(of, 5, outcome(6, (1, 1), SYMBOLS[1], 2, sequence=3, target_position=None))


def lost(of: History) -> History:
    """Let a context and its outcome go, as if nobody had ever had them."""
    gone = without(without(of, CONTEXTS, 5), DECISIONS, 4)
    return replace(gone, blocks={**of.blocks, (0, 1): block(1, 7, 0, 1)})


def disordered(of: History) -> History:
    """Let two outcomes of a symbol change places."""
    changed = with_outcome(
        of, 0, outcome(0, (0, 0), SYMBOLS[0], 2, sequence=1, target_position=5.0)
    )
    return with_outcome(
        changed, 2, outcome(2, (0, 2), SYMBOLS[0], 1, sequence=2, target_position=7.0)
    )


def raised(of: History) -> History:
    return with_outcome(of, 4, outcome(5, (1, 0), SYMBOLS[0], 3, sequence=3, target_position=7.5))


def set_aside_again(of: History, value: bytes = POISON) -> History:
    return with_topic(of, QUARANTINE, [*of.topics[QUARANTINE], set_aside(1, AT, value)])


def with_block(of: History, one: Block) -> History:
    return replace(of, blocks={**of.blocks, (0, 1): one})


HEALTHY: Final = spelled(SYMBOLS[1], 2)

PLANTED: Final[Mapping[str, tuple[Changed, str]]] = {
    "decided twice": (doubled, "is decided 2 times"),
    "lost with its outcome": (lost, "fxcm:EURUSD at 1003 was acknowledged and is not in the"),
    "lost behind the topic": (
        lambda of: without(of, DECISIONS, 4),
        "fxcm:EURUSD:quote:3 was acknowledged and has no outcome",
    ),
    "an outcome too few": (lambda of: without(of, DECISIONS, 5), "came 2 times into 0 and has 1"),
    "out of order": (disordered, "fxcm:EURUSD: where"),
    "a gap in the numbers": (
        lambda of: with_outcome(of, 4, outcome(5, (1, 0), SYMBOLS[0], 3, sequence=4)),
        "fxcm:EURUSD has sequence 4 after 2",
    ),
    "a position again": (
        lambda of: with_outcome(of, 5, outcome(6, (1, 0), SYMBOLS[1], 2)),
        "the outcome at (0, 6) has the log position (0, 1, 0) after (0, 1, 0)",
    ),
    "a block that is not there": (
        lambda of: with_outcome(of, 5, outcome(6, (2, 0), SYMBOLS[1], 2)),
        "the outcome at (0, 6) is of a block that is not in the log",
    ),
    "poison lost": (lambda of: without(of, QUARANTINE, 0), "the poison at (0, 4) is not set aside"),
    "set aside differently": (
        lambda of: set_aside_again(of, b"other"),
        "the record at (0, 4) is set aside again",
    ),
    "a context set aside": (
        lambda of: with_topic(of, QUARANTINE, [*of.topics[QUARANTINE], set_aside(1, 3, HEALTHY)]),
        "fxcm:NZDUSD:quote:2 at (0, 3) is a context, and set aside",
    ),
    "nothing set aside": (
        lambda of: with_topic(of, QUARANTINE, [*of.topics[QUARANTINE], set_aside(1, 9, b"")]),
        "the record at (0, 9) is set aside, and was never sent",
    ),
    "a block that holds more": (
        lambda of: with_block(of, block(1, 7, 2, 1)),
        "block 0:1 holds (2, 1) decisions and others, told: (1, 1)",
    ),
    "a broken chain": (
        lambda of: with_block(of, replace(block(1, 7, 1, 1), previous="another")),
        "block 0:1 does not follow the one before it",
    ),
    "not taken": (
        lambda of: with_block(of, block(1, 6, 1, 1)),
        "partition 0 has contexts that the log did not take",
    ),
    "a stop unheard": (
        lambda of: without(of, ANSWERS, 0),
        "partition 0 took the stop halt 0 times",
    ),
    "set aside twice": (set_aside_again, "the record at (0, 4) is set aside again"),
    "raised behind a stop": (raised, "goes from 7.0 to 7.5 behind a stop"),
}


def test_a_history_in_which_nothing_went_wrong_is_well() -> None:
    assert findings(whole()) == []
    assert counts(whole()) == {
        "contexts": 7,
        "decided": 5,
        "refused": 1,
        "quarantined": 1,
        "blocks": 2,
        "exposed": 4,
        "stops": 1,
    }


@pytest.mark.parametrize("planted", PLANTED)
def test_what_went_wrong_is_found(planted: str) -> None:
    change, said = PLANTED[planted]
    found = findings(change(whole()))
    assert [one for one in found if said in one], found


def test_the_checker_loads_nothing_of_what_it_checks() -> None:
    loads = (
        "import sys, tests.support.carrying.history_reading\n"
        "sys.exit(any(name.partition('.')[0] == 'torghut' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", loads], cwd=ROOT, check=False).returncode == 0
