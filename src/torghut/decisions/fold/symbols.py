"""What a run begins with, what holds for each of its symbols, and room for one more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from torghut.decisions.declarations import Declarations, SymbolUndeclaredError
from torghut.decisions.fold.judging import ControlRefusal
from torghut.schemas.control import (
    ControlRecord,
    DeclarationsChanged,
    PackageChanged,
    SwitchThrown,
)
from torghut.schemas.live.control_ids import is_by_reverting, is_of_installation
from torghut.schemas.rows import RowArray

ArrayT = TypeVar("ArrayT", npt.NDArray[np.void], npt.NDArray[np.int64])

ROUTER_ARM: Final = "router"
"""The shadow arm that serves what the router would, while static weights serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Genesis:
    """What a log begins with.

    Attributes:
        declarations: The declarations in force at the start.
        packages: Digest of the package of each router name; names without one are left out.
        shadow_router: Whether the ``router`` arm is decided beside the serving one.
    """

    declarations: Declarations
    packages: Mapping[str, str]
    shadow_router: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What the installation last asked for; records of others do not change it.

    Attributes:
        declarations: Digest.
        packages: Digest of the package of each router name.
    """

    declarations: str
    packages: Mapping[str, str]

    def after(self, record: ControlRecord) -> Installed:
        """Return what the installation last asked for once ``record`` was taken."""
        if not is_of_installation(record.control_id):
            return self
        if isinstance(record, DeclarationsChanged):
            return replace(self, declarations=record.declarations)
        if isinstance(record, PackageChanged):
            packages = {**self.packages, record.router: record.package or ""}
            return replace(self, packages=packages)
        return self


_REMEMBERED_PACKAGES: Final = 16
"""Of each router name; only the newest but one is ever gone back to."""


@dataclass(slots=True, kw_only=True)
class Promoted:
    """Which packages served all symbols one after the other, but for what a switch put there.

    Attributes:
        by_router: Digests of each router name, the newest last; empty for none.
        reverted: Whether the switch ``revert-packages`` is thrown for all.
    """

    by_router: dict[str, list[str]] = field(default_factory=dict)
    reverted: bool = False

    def judge(self, record: ControlRecord) -> ControlRefusal | None:
        """Return why a package cannot change now; None if it can, or none would."""
        if not isinstance(record, PackageChanged) or is_by_reverting(record.control_id):
            return None
        return ControlRefusal.PACKAGES_REVERTED if self.reverted else None

    def take(self, record: ControlRecord) -> None:
        """Remember what ``record`` promotes; one that was there before ends what came after it."""
        if isinstance(record, SwitchThrown):
            if (record.name, record.symbol) == ("revert-packages", "*"):
                self.reverted = record.state == "thrown"
            return
        if not isinstance(record, PackageChanged) or record.symbol != "*":
            return
        if is_by_reverting(record.control_id):
            return
        package, known = record.package or "", self.by_router.get(record.router, [])
        if package in known:
            known = known[: known.index(package)]
        if record.previous is not None:
            known = [one for one in known if one != record.previous] + [record.previous]
        self.by_router[record.router] = [*known, package][-_REMEMBERED_PACKAGES:]

    def newest(self, router: str) -> str:
        """Return the package that was promoted last; empty for none."""
        return self.by_router.get(router, [""])[-1]

    def previous(self, router: str) -> str:
        """Return the package that was promoted before the newest; empty where there was none.

        Where nothing serves there is nothing to go back from.
        """
        if not self.newest(router):
            return ""
        return next((one for one in reversed(self.by_router[router][:-1]) if one), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolFacts:
    """What holds for one symbol besides its state row.

    Attributes:
        declarations: Digest of those in force.
        package: Digest of the package that serves; empty without one.
        control: Digest of the last control record applied; empty before the first.
        packages: Digest of the package of each router name for which a record applied.
    """

    name: str
    declarations: str
    package: str
    control: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)


def appended(rows: ArrayT, row: ArrayT) -> ArrayT:
    """Return ``rows``, shape (n,), and ``row``, shape (1,); room is made for as many again.

    The result is a view of the front of a larger array, which the next call fills on.
    """
    count = len(rows)
    room = rows.base if isinstance(rows.base, np.ndarray) else rows
    if len(room) == count:
        room = np.zeros(max(8, 2 * count), rows.dtype)
        room[:count] = rows
    room[count] = row[0]
    return room[: count + 1]


def start_regime(arms: Iterable[RowArray], index: int, parameters: RowArray) -> None:
    """Forget the regime of a symbol in every arm: its model is new."""
    for states in arms:
        states["posterior"][index] = parameters["start"][index]
        states["regime_valid"][index] = 0
        states["regime_shock"][index] = 0.0
        states["entropy"][index] = 1.0


def first_declaring(known: Iterable[Declarations], name: str) -> Declarations:
    """Return the earliest declarations that know ``name``; later ones apply as records.

    Raises:
        SymbolUndeclaredError: None knows it.
    """
    symbols: list[str] = []
    for declarations in known:
        if name in declarations.by_symbol:
            return declarations
        symbols = sorted(declarations.by_symbol)
    raise SymbolUndeclaredError(symbol=name, declared=symbols)
