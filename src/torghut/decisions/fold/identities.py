"""Which control records were taken, so that one counts once, and a fill can still be corrected."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from torghut.decisions.fold.control import control_digest
from torghut.decisions.fold.judging import ControlRefusal
from torghut.decisions.fold.reported import Fill, fill_of
from torghut.kernel.canonical import canonical_text
from torghut.schemas.control import ControlRecord, FillReported, GovernanceHeartbeat

REMEMBERED_FILLS: Final = 1024
"""Fills of a symbol that can still be corrected; a live run must not need ever more memory."""

SHORT: Final = 16
"""Bytes of a digest that tell names, or contents, apart."""


class Known(Enum):
    """What is known of a control record that can hold."""

    NEW = auto()
    REPEATED = auto()  # taken before


@dataclass(slots=True, kw_only=True)
class Identities:
    """The names under which control records were taken.

    Attributes:
        taken: Digest of the content, by that of the name; both short.
        fills: The last fills of each symbol by name, in the order taken.
        epoch: Newest one of governance's lease that a heartbeat came under; 0 before the first.
        heartbeat: Name of the newest heartbeat; the older ones say nothing any more.
    """

    taken: dict[bytes, bytes] = field(default_factory=dict)
    fills: dict[str, dict[str, Fill]] = field(default_factory=dict)
    epoch: int = 0
    heartbeat: bytes = b""

    def recognise(self, record: ControlRecord) -> Known | ControlRefusal:
        """Return whether ``record`` is new, comes again, or is another under a taken name."""
        if not any(name in self.taken for name in _names(record)):
            return Known.NEW
        named = _named(record).items()
        same = all(self.taken.get(name, digest) == digest for name, digest in named)
        return Known.REPEATED if same else ControlRefusal.ID_TAKEN

    def judge_order(self, record: ControlRecord) -> ControlRefusal | None:
        """Return why ``record`` cannot follow what was taken; None if it can.

        A correction needs its fill; a heartbeat of governance no later holder of the lease.
        """
        if isinstance(record, GovernanceHeartbeat) and record.epoch < self.epoch:
            return ControlRefusal.EPOCH_FENCED
        if not isinstance(record, FillReported) or record.replaces is None:
            return None
        replaced = self.replaced_by(record)
        if replaced is None:
            return ControlRefusal.FILL_UNKNOWN
        return ControlRefusal.FILL_REPLACED if replaced.corrected else None

    def take(self, record: ControlRecord) -> None:
        """Remember ``record`` as taken; of heartbeats the newest, or memory would grow for ever."""
        names = _names(record)
        self.taken.update(_named(record))
        if isinstance(record, GovernanceHeartbeat):
            self.taken.pop(self.heartbeat, None)
            self.epoch, self.heartbeat = record.epoch, names[0]
        if isinstance(record, FillReported):
            replaced = self.replaced_by(record)
            if replaced is not None:
                replaced.corrected = True
            name = _fill_name(record.account, record.fill_id)
            self.fills.setdefault(record.symbol, {})[name] = fill_of(record)

    def fill(self, record: FillReported) -> Fill:
        """Return what is remembered of a fill that was taken and is not applied yet."""
        return self.fills[record.symbol][_fill_name(record.account, record.fill_id)]

    def replaced_by(self, record: FillReported) -> Fill | None:
        """Return what is remembered of the fill that ``record`` corrects; None if nothing is."""
        if record.replaces is None:
            return None
        name = _fill_name(record.account, record.replaces)
        return self.fills.get(record.symbol, {}).get(name)

    def forget_fill(self, symbol: str) -> Fill | None:
        """Forget, and return, the oldest settled fill of a symbol that has too many."""
        fills = self.fills[symbol]
        if len(fills) <= REMEMBERED_FILLS:
            return None
        settled = (name for name, fill in fills.items() if fill.settled)
        name = next(settled, None)
        return None if name is None else fills.pop(name)

    def copy(self) -> Identities:
        """Return the same, to be changed apart."""
        fills = {
            symbol: {name: replace(fill) for name, fill in own.items()}
            for symbol, own in self.fills.items()
        }
        return Identities(
            taken=dict(self.taken), fills=fills, epoch=self.epoch, heartbeat=self.heartbeat
        )


def _names(record: ControlRecord) -> Sequence[bytes]:
    """Return each name under which a record counts once.

    A fill also counts once by its account and its own id, whatever record brings it.
    """
    if isinstance(record, FillReported):
        return _short(record.control_id), _short(_fill_name(record.account, record.fill_id))
    return (_short(record.control_id),)


def _named(record: ControlRecord) -> Mapping[bytes, bytes]:
    """Return each of a record's names with the digest of what it names."""
    contents = [bytes.fromhex(control_digest(record))[:SHORT]]
    if isinstance(record, FillReported):
        said = record.model_dump(mode="json", exclude={"control_id", "effective_at_ns"})
        contents.append(_short(canonical_text(said)))
    return dict(zip(_names(record), contents, strict=True))


def _fill_name(account: str, fill_id: str) -> str:
    """Return the name of a fill; no control id is like it."""
    return canonical_text(["fill", account, fill_id])


def _short(text: str) -> bytes:
    """Return the digest that stands for a text."""
    return hashlib.sha256(text.encode()).digest()[:SHORT]
