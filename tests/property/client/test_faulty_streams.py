"""Whatever happens on the way: every outcome once, none missed, each symbol in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.live_service import ABORT, CLOSE, FakeLiveService, Lines, position_of
from tests.support.live.live_clients import client_of, with_service
from torghut.client import Delivery, Limits

LIMITS = Limits(
    stale_ms=200, silence_ms=400, retry_first_ms=1, retry_max_ms=2, look_ms=5, heal_attempts=99
)
FAULTS = ("drop", "repeat", "swap", "garble", "close", "abort", "again")


@dataclass(frozen=True)
class Faulty:
    """What happens to the outcomes of each connection, by block; later ones are sound.

    The last of each symbol is sound: nobody can miss the end of something that goes on.
    """

    connections: Sequence[Mapping[int, str]]

    def __call__(self, lines: Lines, connection: int) -> Lines:
        """Return what is sent."""
        if connection >= len(self.connections):
            return lines
        told: list[str] = []
        faults = self.connections[connection]
        for place, line in enumerate(lines):
            if (fault := faults.get(position_of(line).block)) == "swap":
                told.insert(max(len(told) - 1, 0), line)
            else:
                told += sent(fault, line, lines[:place])
        return told


def sent(fault: str | None, line: str, before: Lines) -> Lines:
    """Return what is sent in the place of a line."""
    return {
        "drop": [],
        "repeat": [line, line],
        "garble": [line[: len(line) // 2]],
        "close": [CLOSE, line],
        "abort": [line, ABORT],
        "again": [line, *before],
    }.get(fault or "", [line])


faulty = st.builds(
    Faulty,
    st.lists(st.dictionaries(st.integers(0, 11), st.sampled_from(FAULTS), max_size=4), max_size=4),
)


@settings(max_examples=25)
@given(faults=faulty, symbols=st.integers(1, 3))
def test_every_decision_is_handed_out_to_be_acted_on_once_and_in_order(
    faults: Faulty, symbols: int
) -> None:
    async def scenario(service: FakeLiveService) -> list[Delivery]:
        service.beat_s = 0.005
        service.mangle = faults
        service.tell(12 + symbols, symbols=symbols, target_position=0.0)
        found: list[Delivery] = []
        async with client_of(service, after="start", limits=LIMITS) as client:
            async for delivery in client.decisions():
                found.append(delivery)
                if len({one.position for one in found}) == 12 + symbols:
                    return found
        return found

    found = with_service(scenario)
    acted = [one.decision for one in found if one.actionable and one.decision is not None]

    assert {one.verdict for one in found} <= {"act", "duplicate"}
    assert sorted(one.source_sequence for one in acted) == list(range(12 + symbols))
    for symbol in {one.symbol for one in acted}:
        mine = [one.sequence for one in acted if one.symbol == symbol]
        assert mine == list(range(1, len(mine) + 1))
