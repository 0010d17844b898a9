"""Which control records were taken, so that one that comes again counts once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from torghut.decisions.fold.control import control_digest
from torghut.decisions.fold.judging import ControlRefusal
from torghut.kernel.canonical import canonical_bytes, canonical_text
from torghut.kernel.digests import sha256_hex
from torghut.schemas.control import ControlRecord, FillReported


class Known(Enum):
    """What is known of a control record that can hold."""

    NEW = auto()
    REPEATED = auto()  # taken before


@dataclass(slots=True, kw_only=True)
class Identities:
    """The names under which control records were taken.

    Attributes:
        taken: Digest of the content, by name.
    """

    taken: dict[str, str] = field(default_factory=dict)

    def recognise(self, record: ControlRecord) -> Known | ControlRefusal:
        """Return whether ``record`` is new, comes again, or is another under a taken name."""
        names = _names(record)
        if not any(name in self.taken for name in names):
            return Known.NEW
        same = all(self.taken.get(name, digest) == digest for name, digest in names.items())
        return Known.REPEATED if same else ControlRefusal.ID_TAKEN

    def take(self, record: ControlRecord) -> None:
        """Remember ``record`` as taken."""
        self.taken.update(_names(record))


def _names(record: ControlRecord) -> Mapping[str, str]:
    """Return each name under which a record counts once, and the digest of what it names.

    A fill also counts once by its account and its own id, whatever record brings it.
    """
    names = {record.control_id: control_digest(record)}
    if isinstance(record, FillReported):
        content = (record.symbol, record.quantity, record.price)
        name = canonical_text(["fill", record.account, record.fill_id])  # no control id is like it
        names[name] = sha256_hex(canonical_bytes(content))
    return names
