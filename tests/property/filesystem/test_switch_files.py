"""Whatever comes into the folder of switch files, only a release of that very throw ends it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.fakes.clock import CountingIds, HandClock
from torghut.adapters.filesystem.switches.folder import SwitchFiles
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.worker import SwitchThrownFile
from torghut.workflows.live.switch_ports import SWITCH_NAMES, ThrownSwitch

_NAMES = st.sampled_from(SWITCH_NAMES[:3])
_GARBAGE = st.sampled_from([b"", b"{", b'{"state": "released"}', b"\xff", bytes(5000)])


class SwitchFolderMachine(RuleBasedStateMachine):
    """Throws, garbage, drills and releases, by several hands."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.hands = [self._hand(1), self._hand(1_000_000)]
        self.ids = CountingIds(2_000_000)
        self.thrown: dict[SwitchName, set[str]] = {name: set() for name in SWITCH_NAMES}
        self.seen: dict[str, ThrownSwitch] = {}

    def _hand(self, first: int) -> SwitchFiles:
        return SwitchFiles(self.folder, ids=CountingIds(first), wall=HandClock())

    def _standing(self, name: SwitchName) -> Sequence[ThrownSwitch]:
        return [one for one in self.hands[0].thrown() if one.name == name and not one.drill]

    @rule(name=_NAMES, hand=st.sampled_from([0, 1]))
    def throw(self, name: SwitchName, hand: int) -> None:
        """Throw, or throw again."""
        if len(self.thrown[name]) > 8:
            return
        throw_id = self.ids.new_id()
        self.hands[hand].throw(
            SwitchThrownFile(name=name, throw_id=throw_id, reason="r", who="w", thrown_wall_ns=1)
        )
        self.thrown[name].add(throw_id)

    @rule(name=_NAMES, garbage=_GARBAGE)
    def garbage(self, name: SwitchName, garbage: bytes) -> None:
        """Put garbage where a throw might be."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            path.write_bytes(garbage)
            before = self.thrown[name]
            self.thrown[name] = {one.throw_id for one in self._standing(name)} | before

    @rule(name=_NAMES, garbage=_GARBAGE)
    def garbage_of_another_name(self, name: SwitchName, garbage: bytes) -> None:
        """Put garbage where nobody looks."""
        (self.folder / f"{name}.json.bak").write_bytes(garbage)
        (self.folder / f".{name}.spare").write_bytes(garbage)

    @rule(name=_NAMES, hand=st.sampled_from([0, 1]), which=st.integers(0, 8))
    def release(self, name: SwitchName, hand: int, which: int) -> None:
        """Take away one throw, as a worker does that recorded a release."""
        throws = sorted(self.thrown[name])
        throw_id = throws[which % len(throws)] if throws else "unknown"
        self.hands[hand].retire(name, throw_id)
        self.thrown[name].discard(throw_id)

    @rule(name=_NAMES, throw_id=st.sampled_from(["", "unknown", "drill-1", "*", "../stop"]))
    def release_of_nothing(self, name: SwitchName, throw_id: str) -> None:
        """Take away what was never thrown."""
        self.hands[1].retire(name, throw_id)

    @rule(name=_NAMES, hand=st.sampled_from([0, 1]))
    def drill(self, name: SwitchName, hand: int) -> None:
        """Drill, and end the drill."""
        throw_id = f"drill-{self.ids.new_id()}"
        self.hands[hand].drill(
            SwitchThrownFile(name=name, throw_id=throw_id, reason="r", who="w", thrown_wall_ns=1)
        )
        assert any(one.drill and one.throw_id == throw_id for one in self.hands[0].thrown())
        self.hands[hand].end_drill(name, throw_id)

    @rule()
    def restart(self) -> None:
        """Let another process look from now on, having made room."""
        self.hands[0] = self._hand(int(self.ids.new_id().removeprefix("id-")) * 1000)
        self.hands[0].prepare()

    @invariant()
    def exactly_what_was_thrown_and_not_released_is_thrown(self) -> None:
        """Compare what is thrown with what was."""
        found = self.hands[0].thrown()

        for name in SWITCH_NAMES:
            assert {one.throw_id for one in found if one.name == name} == self.thrown[name]
        assert len({one.throw_id for one in found}) == len(found)

    @invariant()
    def a_throw_is_the_same_at_every_look(self) -> None:
        """Compare what is thrown with what was seen of it before, by both hands."""
        for hand in self.hands:
            for one in hand.thrown():
                assert self.seen.setdefault(one.throw_id, one) == one

    def teardown(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self.folder)


TestSwitchFolder = SwitchFolderMachine.TestCase
TestSwitchFolder.settings = settings(max_examples=8, stateful_step_count=15)
