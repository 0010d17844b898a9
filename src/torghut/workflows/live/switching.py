"""Switches as one worker sees them: thrown by files, recorded in its log, acknowledged, released.

A file only ever throws. What a file says is recorded once, under an id made of the file's own, and
holds from then on whatever becomes of the file; only a release on the record ends it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.identities import Known
from torghut.kernel.clock import WallClock
from torghut.schemas.control import REASON_MAX, ControlRecord, SwitchThrown
from torghut.schemas.live.control_ids import throw_id_in, thrown_id
from torghut.schemas.live.worker import Acknowledged, SwitchStanding
from torghut.workflows.live.errors import SwitchReleaseRefusedError
from torghut.workflows.live.going_back import beside, taken_over, undoing
from torghut.workflows.live.loop.in_force import latched, newest_switches, thrown_switches
from torghut.workflows.live.observing.witness import Witness
from torghut.workflows.live.switch_ports import ThrownSwitch

_ACKNOWLEDGED_MAX: Final = 16


@dataclass(slots=True, kw_only=True)
class Switchboard:
    """What one worker knows of switches.

    A throw is known by the id of its control record, which holds the switch's name and the throw's
    own id: a file that was copied to the name of another switch throws that one too.

    Attributes:
        wall: Tells when something was acknowledged.
        witness: Told of throws and releases, for others.
        revision: What decides here, as one deployed thing.
        files: Switch files as of the last look, drills left out, by the id of their record.
    """

    wall: WallClock
    witness: Witness
    revision: str
    files: dict[str, ThrownSwitch] = field(default_factory=dict)
    _asked: dict[str, ThrownSwitch] = field(default_factory=dict)
    _recorded: set[str] = field(default_factory=set)
    _spent: set[str] = field(default_factory=set)
    _acknowledged: dict[str, int] = field(default_factory=dict)
    _put: set[str] = field(default_factory=set)

    def look(self, found: Sequence[ThrownSwitch], fold: DecisionFold) -> Sequence[ControlRecord]:
        """Take in the switch files as they are now; return what is to be recorded.

        Args:
            found: All files, drills included.
            fold: The memory of the log.
        """
        for drill in (one for one in found if one.drill):
            self._acknowledge(drill)
        self.files = {record_id(one): one for one in found if not one.drill}
        new: list[ControlRecord] = []
        for control_id, thrown in self.files.items():
            if control_id in self._asked:
                continue
            self._asked[control_id] = thrown
            self.witness.switch_taken(thrown)
            record = thrown_record(thrown)
            if fold.identities.recognise(record) is Known.NEW:
                new += [record, *beside(record, fold, self.revision, thrown.revisions)]
            elif thrown.name in thrown_switches(fold):
                self._record(control_id)
            else:
                self._spent.add(control_id)  # it was released, and the file was left behind
        new += self._missing(fold)
        self._put.update(one.control_id for one in new)
        return new

    def note(self, records: Iterable[ControlRecord]) -> None:
        """Know which control records became durable: throws are recorded, releases end them."""
        for record in records:
            if not isinstance(record, SwitchThrown) or record.symbol != "*":
                continue
            self.witness.switch_recorded(record)
            if record.state == "released":
                self._release(record.name)
            elif record.control_id in self._asked:
                self._record(record.control_id)

    def hold(self) -> None:
        """Acknowledge everything: nothing can be told before it is recorded."""
        for thrown in self.files.values():
            self._acknowledge(thrown)

    def spent(self) -> Sequence[ThrownSwitch]:
        """Return the files that say what was released since; they may be taken away."""
        return [one for key, one in self.files.items() if key in self._spent]

    @property
    def acknowledged(self) -> tuple[Acknowledged, ...]:
        """The newest acknowledgements."""
        newest = list(self._acknowledged.items())[-_ACKNOWLEDGED_MAX:]
        return tuple(Acknowledged(throw_id=key, wall_ns=wall_ns) for key, wall_ns in newest)

    def standing(self, fold: DecisionFold) -> tuple[SwitchStanding, ...]:
        """Return every switch in force, by file or by record."""
        asked = {key: one for key, one in self._asked.items() if key not in self._recorded}
        by_file = [
            SwitchStanding(
                name=one.name,
                throw_id=one.throw_id,
                who=one.who,
                reason=one.reason,
                thrown_wall_ns=one.thrown_wall_ns,
                recorded=key in self._recorded,
            )
            for key, one in {**asked, **self.files}.items()
            if key not in self._spent
        ]
        named = {one.name for one in by_file}
        by_record = [
            SwitchStanding(
                name=record.name,
                throw_id=throw_id_of(record),
                who="",
                reason=record.reason,
                thrown_wall_ns=None,
                recorded=True,
            )
            for name, record in thrown_switches(fold).items()
            if name not in named
        ]
        return (*by_file, *by_record)

    def stop(self, fold: DecisionFold) -> str:
        """Return why a stop is in force for all symbols; empty if none is."""
        for one in self.standing(fold):
            if one.name == "stop":
                who = f" by {one.who}" if one.who else ""
                return f"switch stop thrown{who}: {one.reason}"
        latch = latched(fold)
        return f"stop latch closed: {latch}" if latch else ""

    def _missing(self, fold: DecisionFold) -> Sequence[ControlRecord]:
        """Return what a throw or release on record needs, and that another revision took over.

        It came on the record alone, or a crash came between the two.
        """
        wanted: list[ControlRecord] = list(taken_over(fold, self.revision))
        for record in newest_switches(fold).values():
            if record.state == "released":
                wanted += undoing(record, fold, self.revision)
                continue
            asked = self._asked.get(record.control_id)
            named = () if asked is None else asked.revisions
            wanted += beside(record, fold, self.revision, named)
        return [one for one in wanted if one.control_id not in self._put]

    def _record(self, control_id: str) -> None:
        """Know that a throw is durable."""
        self._recorded.add(control_id)
        self._acknowledge(self._asked[control_id])

    def _release(self, name: str) -> None:
        """Know that a switch was released: whatever had been recorded of it by then is over."""
        self._spent.update(key for key in self._recorded if self._asked[key].name == name)

    def _acknowledge(self, thrown: ThrownSwitch) -> None:
        """Acknowledge a throw once."""
        if thrown.throw_id not in self._acknowledged:
            self._acknowledged[thrown.throw_id] = self.wall.now_ns()
            self.witness.switch_acknowledged(thrown)


def record_id(thrown: ThrownSwitch) -> str:
    """Return the id of the control record that a switch file becomes."""
    return thrown_id(thrown.name, thrown.throw_id)


def throw_id_of(record: SwitchThrown) -> str:
    """Return the id of the throw that is recorded: that of its file, or its own where none was."""
    return throw_id_in(record.control_id, record.name)


def check_ends(standing: Iterable[SwitchStanding], name: str, ends: Collection[str] | None) -> None:
    """Go on with a release only if every throw of the switch that stands is to end by it.

    Args:
        standing: Every switch in force.
        name: Of the switch.
        ends: Ids of the throws that are to end; None for whatever stands.

    Raises:
        SwitchReleaseRefusedError: Another throw stands, which who asks may not have seen.
    """
    found = {one.throw_id for one in standing if one.name == name}
    if ends is not None and not found <= set(ends):
        raise SwitchReleaseRefusedError(name=name, found="one that was thrown anew")


def thrown_record(thrown: ThrownSwitch) -> SwitchThrown:
    """Return what is recorded of a switch file."""
    reason = signed(thrown.reason, "thrown", thrown.who) if thrown.who else thrown.reason
    return SwitchThrown.model_validate(
        {
            "control_id": record_id(thrown),
            "name": thrown.name,
            "state": "thrown",
            "reason": reason[:REASON_MAX],
        }
    )


def signed(reason: str, deed: str, who: str) -> str:
    """Return a reason with who did it; where both are too long the reason is cut, never the name.

    Example:
        >>> signed("wrong prices", "thrown", "ann@desk")
        'wrong prices (thrown by ann@desk)'
        >>> signed("x" * 500, "thrown", "ann@desk")[-27:]
        'xxxxx… (thrown by ann@desk)'
    """
    return f"{reason_beside(reason, deed, who)} ({deed} by {who})"


def reason_beside(reason: str, deed: str, who: str) -> str:
    """Return as much of a reason as fits on record beside who did it."""
    room = REASON_MAX - len(f" ({deed} by {who})")
    return reason if len(reason) <= room else f"{reason[: room - 1]}…"
