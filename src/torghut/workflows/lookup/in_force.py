"""What was in force when a decision was made, read from the log: declarations, package, numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.artifacts.package import read_package
from torghut.decisions.declarations import Declarations, read_declarations
from torghut.decisions.fold.lineage import Lineage
from torghut.decisions.parameters import parameter_rows
from torghut.decisions.render_context import RenderContext, render_context
from torghut.decisions.rendering import render_json
from torghut.eventlog.ports import DecisionLog
from torghut.kernel.ids import SERVING
from torghut.router.package import RegimeModel, read_regime_model
from torghut.schemas.declarations.instruments import Instrument
from torghut.workflows.lookup.finding import DecisionFound

_RENDERINGS_MAX: Final = 4096
"""Lineages kept at once; a control record makes a new one, so there is no bound in a log."""


_Standing = tuple[str, str, str, str]
"""Symbol, declarations, package and arm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What held for one symbol.

    Attributes:
        declarations: All of them.
        instrument: The symbol's.
        parameters: Its row of dtype ``PARAMETERS``.
        sessions: Its calendar's openings, dtype ``SESSION``.
        package: The router package that served; None without one.
    """

    declarations: Declarations
    instrument: Instrument
    parameters: np.void
    sessions: npt.NDArray[np.void]
    package: RegimeModel | None


class Rulebook:
    """Looks up what was in force, each thing read from the log once.

    Args:
        log: Keeps declarations and packages as objects.
        run_id: What names the log's run in the ids of decisions that do not serve.
    """

    def __init__(self, log: DecisionLog, *, run_id: str) -> None:
        self._log = log
        self._run_id = run_id
        self._declarations: dict[str, Declarations] = {}
        self._packages: dict[str, RegimeModel] = {}
        self._in_force: dict[tuple[str, str, str], InForce] = {}
        self._standing: dict[_Standing, RenderContext] = {}
        self._renderings: dict[tuple[str, str], RenderContext] = {}

    def know(
        self, declarations: Mapping[str, Declarations], packages: Mapping[str, RegimeModel]
    ) -> None:
        """Take what is in memory already, by digest: reading it anew takes tens of milliseconds."""
        self._declarations |= declarations
        self._packages |= packages

    async def in_force(self, symbol: str, declarations: str, package: str) -> InForce:
        """Return what held for ``symbol`` under these digests; no package if that is empty.

        Raises:
            ObjectMissingError: The log does not keep what it cites.
            SymbolUndeclaredError: The symbol was not declared then.
        """
        key = (symbol, declarations, package)
        if key not in self._in_force:
            declared = await self.declarations(declarations)
            model = await self._package(package) if package else None
            instrument = declared.instrument(symbol)
            served = {instrument.router: model} if model else {}
            rows, sessions = parameter_rows(declared, served, (symbol,))
            first = int(rows[0]["session_first"])
            self._in_force[key] = InForce(
                declarations=declared,
                instrument=instrument,
                parameters=rows[0],
                sessions=sessions[first : first + int(rows[0]["session_count"])],
                package=model,
            )
        return self._in_force[key]

    def known_rendering(self, symbol: str, lineage: Lineage) -> RenderContext | None:
        """Return ``rendering`` at once; None where the log has to be asked for what was in force.

        A control record makes another lineage and leaves the rest, of which much is spelled out.
        """
        key = (symbol, lineage.digest)
        found = self._renderings.get(key)
        if found is None:
            standing = self._standing.get(_standing(symbol, lineage))
            if standing is None:
                return None
            if len(self._renderings) >= _RENDERINGS_MAX:
                self._renderings.clear()
            found = self._renderings[key] = standing.under(lineage)
        return found

    async def rendering(self, symbol: str, lineage: Lineage) -> RenderContext:
        """Return what rows of ``symbol`` and ``lineage`` need to be rendered.

        Raises:
            ObjectMissingError: The log does not keep what it cites.
        """
        found = self.known_rendering(symbol, lineage)
        if found is None:
            held = await self.in_force(symbol, lineage.declarations, lineage.package)
            found = render_context(
                instrument=held.instrument,
                gates=held.declarations.gates,
                parameters=held.parameters,
                lineage=lineage,
                run_id="" if lineage.arm == SERVING else self._run_id,
            )
            self._standing[_standing(symbol, lineage)] = found
        return found

    async def render(self, found: DecisionFound) -> bytes:
        """Return a decision as published JSON.

        Raises:
            ObjectMissingError: The log does not keep what it cites.
            RowUnrenderableError: The row is not what its layout, symbol or lineage allow.
        """
        return render_json(found.row, await self.rendering(found.symbol, found.lineage))

    async def declarations(self, digest: str) -> Declarations:
        """Return the declarations that the log keeps under ``digest``."""
        if digest not in self._declarations:
            body = await self._log.get_object(digest)
            self._declarations[digest] = read_declarations(body)
        return self._declarations[digest]

    async def _package(self, digest: str) -> RegimeModel:
        """Return the regime model of the package that the log keeps under ``digest``."""
        if digest not in self._packages:
            package = await read_package(digest, self._log.get_object)
            self._packages[digest] = read_regime_model(package)
        return self._packages[digest]


def _standing(symbol: str, lineage: Lineage) -> _Standing:
    """Return what of a lineage most of a rendering depends on."""
    return symbol, lineage.declarations, lineage.package, lineage.arm
