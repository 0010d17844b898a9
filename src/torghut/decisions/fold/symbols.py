"""What a run begins with, what holds for each of its symbols, and room for one more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from torghut.decisions.declarations import Declarations, SymbolUndeclaredError
from torghut.schemas.control import ControlRecord, DeclarationsChanged, PackageChanged
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


BY_INSTALLATION: Final = "installation:"
"""How the ids of records begin that bring what the installation asks for into force."""


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
        if not record.control_id.startswith(BY_INSTALLATION):
            return self
        if isinstance(record, DeclarationsChanged):
            return replace(self, declarations=record.declarations)
        if isinstance(record, PackageChanged):
            packages = {**self.packages, record.router: record.package or ""}
            return replace(self, packages=packages)
        return self


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
