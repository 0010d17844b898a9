"""How a simulated venue behaves: what it does is drawn from its seed and the order's id alone.

So a venue that is killed and opened again goes on as it would have, whatever it is asked first.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

_WORDS: Final = 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a venue does, and how often; ratios are in [0, 1].

    Attributes:
        latency_ns: From sending until an order is there, and between its fills; receive time.
        state_every_ns: After so long a position is stated again that is as it was; receive time.
        reject_ratio: Orders that are rejected.
        partial_ratio: Fills of only half of what is left.
        duplicate_ratio: Reports that come twice.
        late_ratio: Reports that come late.
        late_ns: How late; receive time.
        missing_ratio: Fills that are never reported; the position tells.
        correct_ratio: Fills that are corrected afterwards to half of their quantity.
    """

    latency_ns: int = 0
    state_every_ns: int = 300_000_000_000
    reject_ratio: float = 0.0
    partial_ratio: float = 0.0
    duplicate_ratio: float = 0.0
    late_ratio: float = 0.0
    late_ns: int = 0
    missing_ratio: float = 0.0
    correct_ratio: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no venue can do."""
        ratios = [name for name in self.__dataclass_fields__ if name.endswith("_ratio")]
        wrong = [name for name in ratios if not 0 <= getattr(self, name) <= 1]
        wrong += [
            name for name in ("latency_ns", "late_ns", "state_every_ns") if getattr(self, name) < 0
        ]
        if wrong:
            message = f"expected ratios in [0, 1] and times from 0 on, found otherwise: {wrong}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Chance:
    """Draws that depend on nothing but the seed and what is asked.

    Attributes:
        seed: Of the venue.
    """

    seed: int

    def happens(self, ratio: float, what: str, subject: str) -> bool:
        """Return whether ``what`` happens to ``subject``, in ``ratio`` of all cases."""
        digest = hashlib.sha256(f"{self.seed}\0{what}\0{subject}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < ratio * _WORDS
