"""A load, and the machines that are to bear it: what a calculation begins with."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import isfinite
from typing import Final

_GBIT_BYTES: Final = 1e9 / 8
_TB_BYTES: Final = 1e12


class Lack(StrEnum):
    """Why there is no number."""

    NOT_MEASURED = "not measured yet"
    NEVER_ENOUGH = "no number is enough"


Answer = float | Lack
"""A number, or why there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What comes in.

    Attributes:
        rate: Contexts a second, all symbols together, above 0.
        symbols: Over which they are spread evenly, at least 1.
    """

    rate: float
    symbols: int

    def __post_init__(self) -> None:
        """Refuse what is no load."""
        if not (isfinite(self.rate) and self.rate > 0.0):
            message = f"expected a rate above 0 contexts/s, found {self.rate}"
            raise ValueError(message)
        if self.symbols < 1:
            message = f"expected at least 1 symbol, found {self.symbols}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """What is taken of a machine; not measured but ordered.

    Attributes:
        share: Of a core, a link or a disk that is planned for, above 0 and at most 1: the rest is
            for peaks, for catching up, and for what a dead neighbour leaves.
        link_gbit: Of a broker's network, Gbit/s each way.
        disk_tb: Of a broker or a database, 10^12 bytes.
    """

    share: float = 0.6
    link_gbit: float = 10.0
    disk_tb: float = 8.0

    def __post_init__(self) -> None:
        """Refuse what is no machine."""
        if not 0.0 < self.share <= 1.0:
            message = f"expected a share above 0 and at most 1, found {self.share}"
            raise ValueError(message)
        for name, size in (("link", self.link_gbit), ("disk", self.disk_tb)):
            if not (isfinite(size) and size > 0.0):
                message = f"expected a {name} above 0, found {size}"
                raise ValueError(message)

    @property
    def link_bytes(self) -> float:
        """Bytes a second that are planned for on a link, each way."""
        return self.share * self.link_gbit * _GBIT_BYTES

    @property
    def disk_bytes(self) -> float:
        """Bytes that are planned for on a disk."""
        return self.share * self.disk_tb * _TB_BYTES
