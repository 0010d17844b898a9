"""What was declared for each symbol when its decisions were made, by the log's own objects."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from torghut.decisions.declarations import Declarations, read_declarations
from torghut.decisions.parameters import parameter_row
from torghut.drift.model import advice_off_by
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.rows import PARAMETERS, RowArray


@dataclass(slots=True, kw_only=True)
class Terms:
    """Symbols of a window, numbered as they are first seen, and what holds for each.

    Attributes:
        names: By number.
        parameters: Shape (symbols or more,), dtype ``PARAMETERS``, without a package's regimes.
        digests: By number: of the declarations that hold; empty before any do.
        routed: By number: whether regime weights are declared to serve it.
        declared: Declarations by digest.
    """

    names: list[str] = field(default_factory=list)
    parameters: RowArray = field(default_factory=lambda: np.zeros(0, PARAMETERS))
    digests: list[str] = field(default_factory=list)
    routed: list[bool] = field(default_factory=list)
    declared: dict[str, Declarations] = field(default_factory=dict)
    _numbers: dict[str, int] = field(default_factory=dict)

    def number(self, name: str) -> int:
        """Return the number of a symbol, new if it is."""
        if name not in self._numbers:
            self._numbers[name] = len(self.names)
            self.names.append(name)
            self.digests.append("")
            self.routed.append(False)
            if len(self.parameters) < len(self.names):
                wider = np.zeros(max(8, 2 * len(self.names)), PARAMETERS)
                wider[: len(self.parameters)] = self.parameters
                self.parameters = wider
        return self._numbers[name]

    def known(self, name: str) -> int:
        """Return the number of a symbol of which declarations hold; -1 of any other."""
        number = self._numbers.get(name, -1)
        return number if number >= 0 and self.digests[number] else -1

    async def fetch(self, log: DecisionLog, digest: str) -> None:
        """Read the declarations of that digest out of the log, once.

        Raises:
            ObjectMissingError: The log does not have them.
            LogIntegrityError: Their bytes do not have that digest.
        """
        if digest not in self.declared:
            self.declared[digest] = read_declarations(await log.get_object(digest))

    def hold(self, number: int, digest: str) -> None:
        """Let the declarations of that digest hold for a symbol from here on."""
        self.digests[number] = digest
        declared, name = self.declared[digest], self.names[number]
        self.routed[number] = declared.instrument(name).risk.router_mode == "live"
        row = parameter_row(declared, None, name)
        self.parameters[number : number + 1] = row

    @property
    def newest(self) -> Declarations | None:
        """Return the declarations that were last seen to hold."""
        held = [digest for digest in self.digests if digest]
        return self.declared[held[-1]] if held else None

    def nothing_required_by(self) -> str | None:
        """Return the declarations by which no symbol requires any domain; None if one does."""
        count, newest = len(self.names), self.newest
        if newest is None or self.parameters["domain_required"][:count].any():
            return None
        return newest.digest

    def not_routed_by(self) -> str | None:
        """Return the declarations by which no symbol is routed; None if one is."""
        newest = self.newest
        if newest is None or any(self.routed):
            return None
        return newest.digest

    def advice_off_by(self) -> str | None:
        """Return the digest of the reasoning policy that switches advice off; None if none does."""
        newest = self.newest
        return None if newest is None else advice_off_by(newest.reasoning)
