"""A run's memory: each symbol's facts and states, and what is in force for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.books import Books
from torghut.decisions.fold.control import (
    follow,
    pending_context,
    set_for_good,
)
from torghut.decisions.fold.identities import Identities
from torghut.decisions.fold.lineage import Lineage, Lineages
from torghut.decisions.fold.placement import Held, Waiting
from torghut.decisions.fold.symbols import (
    ROUTER_ARM,
    Genesis,
    Installed,
    Promoted,
    SymbolFacts,
    appended,
    first_declaring,
    start_regime,
)
from torghut.decisions.fold.tables import GrowingTables
from torghut.decisions.kernel.engine import DecisionKernel, Tables
from torghut.decisions.parameters import initial_states
from torghut.kernel.ids import SERVING
from torghut.router.package import RegimeModel
from torghut.schemas.codes import RouterMode
from torghut.schemas.rows import STATE, RowArray


@dataclass(slots=True, kw_only=True, repr=False)
class FoldMemory:
    """What a run remembers; ``snapshot`` and ``restore`` carry it over.

    Attributes:
        kernel: Compiled, or the reference.
        genesis: What the log began with.
        packages: Every package that may serve, by digest.
        symbols: Facts of each symbol, in the order first seen.
        waiting: Control records whose place has not come.
        identities: Which control records were taken.
        books: What the venue of each symbol reported.
        declared: Digest of the declarations that the newest record puts in force.
        served: Digest of the package of each router name that the newest records put in force.
        installed: What the installation last asked for.
        promoted: Which packages served one after the other, for the switch that goes back.
        arms: State rows of each arm, one a symbol.
        growing: Tables of the kernel, as they are filled.
        lineages: What the next decision of each symbol rests on.
    """

    kernel: DecisionKernel
    genesis: Genesis
    packages: dict[str, RegimeModel] = field(default_factory=dict)
    symbols: list[SymbolFacts] = field(default_factory=list)
    waiting: Waiting = field(default_factory=Waiting)
    identities: Identities = field(default_factory=Identities)
    books: Books = field(default_factory=Books)
    declared: str = ""
    served: dict[str, str] = field(default_factory=dict)
    installed: Installed = field(init=False)
    promoted: Promoted = field(init=False)
    arms: dict[str, RowArray] = field(default_factory=dict)
    growing: GrowingTables = field(init=False)
    lineages: Lineages = field(default_factory=Lineages)
    _index: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.growing = GrowingTables(packages=self.packages)
        self.register(self.genesis.declarations)
        self.declared = self.genesis.declarations.digest
        self.served = dict(self.genesis.packages)
        self.installed = Installed(declarations=self.declared, packages=self.genesis.packages)
        self.promoted = Promoted(by_router={k: [v] for k, v in self.genesis.packages.items()})
        for name in (SERVING, ROUTER_ARM)[: 1 + self.genesis.shadow_router]:
            self.arms.setdefault(name, np.zeros(0, STATE))

    def register(self, declarations: Declarations) -> None:
        """Make ``declarations`` known, so that a control record may put them in force."""
        self.growing.add_declarations(declarations)

    @property
    def declarations(self) -> Mapping[str, Declarations]:
        """Every declarations that a record may put in force, by digest, in the order registered."""
        return self.growing.declarations

    @property
    def sources(self) -> Sequence[str]:
        """Digest of each source part, in the order first seen."""
        return self.growing.sources

    @property
    def tables(self) -> Tables:
        """Parameters, sources and sessions as they are now in force."""
        return self.growing.current

    def declared_for(self, name: str) -> Declarations:
        """Return the declarations that a symbol is born with: the earliest that know it.

        Raises:
            SymbolUndeclaredError: None knows it.
        """
        return first_declaring(self.declarations.values(), name)

    def source_index(self, digest: str) -> int:
        """Return the number of the source part with that sha256, new if it is.

        Raises:
            SourcesExhaustedError: A context has no room for the number.
        """
        return self.growing.source_index(digest)

    def symbol_index(self, name: str) -> int:
        """Return the number of a declared symbol; one seen for the first time is born."""
        return self._index[name] if name in self._index else self.birth(name)

    def pending(self, name: str) -> Sequence[Held]:
        """Return the control records that wait for the contexts of the symbol ``name``."""
        index = self._index.get(name)
        if index is None:
            return self.waiting.standing
        own = self.waiting.by_symbol.get(index, [])
        return own if self.heard_ns(index) else [*own, *self.waiting.standing]

    def awaiting(self, index: int) -> str | None:
        """Return the id of the context of a symbol that waits for advice; None where none does."""
        return pending_context(self.symbols[index].name, self.arms[SERVING][index])

    @property
    def clock_ns(self) -> int:
        """The latest receive time taken, of all symbols; 0 before the first."""
        return int(self.arms[SERVING]["stream_receive_ns"].max(initial=0))

    def lineage(self, symbol: int, arm: str) -> Lineage:
        """Return what the next decision of ``symbol`` in ``arm`` rests on."""
        facts = self.symbols[symbol]
        return Lineage(
            arm=arm,
            kernel_version=self.kernel.version,
            declarations=facts.declarations,
            package=facts.package,
            control=facts.control,
        )

    def rebuild_tables(self, sources: Sequence[str]) -> None:
        """Compute the kernel's tables anew, from the symbols' facts and these source parts."""
        self._index = {facts.name: i for i, facts in enumerate(self.symbols)}
        self.growing.rebuild(self.symbols, sources)
        for index in range(len(self.symbols)):
            self.write_lineage(index)
            self.await_records(index)

    def birth(self, name: str) -> int:
        """Add a symbol with the state, packages and standing controls of a newcomer."""
        index = len(self.symbols)
        declarations = self.declared_for(name)
        package = self.genesis.packages.get(declarations.instrument(name).router, "")
        facts = SymbolFacts(name=name, declarations=declarations.digest, package=package)
        self.growing.add_symbol(self.growing.row(facts))
        self.symbols.append(facts)
        self._index[name] = index
        newborn = initial_states(declarations, (name,))
        for arm, states in self.arms.items():
            self.arms[arm] = appended(states, newborn)
            if arm == ROUTER_ARM:
                set_for_good(self.arms[arm][index], "router_mode", RouterMode.LIVE)
        start_regime(self.arms.values(), index, self.tables.parameters)
        self.write_lineage(index)
        self.await_records(index)
        return index

    def heard_ns(self, index: int) -> int:
        """Return the latest receive time of a symbol; 0 until it is heard."""
        return int(self.arms[SERVING]["stream_receive_ns"][index].max())

    def await_records(self, index: int) -> None:
        """Tell the kernel before which context of a symbol it is to stop."""
        heard = bool(self.heard_ns(index))
        self.growing.stop_at(index, self.waiting.due_ns(index, heard=heard))

    def greet(self, index: int) -> None:
        """Let a symbol that is about to be heard for the first time inherit what holds for all."""
        if not self.heard_ns(index) and self.growing.stops(index):
            self.waiting.greet(index)
            self.growing.stop_at(index, 0)

    def serve(self, index: int, router: str, package: str) -> None:
        """Let a package serve a symbol, now or once its declarations name that router."""
        facts = self.symbols[index]
        facts = replace(facts, packages={**facts.packages, router: package})
        named = self.declarations[facts.declarations].instrument(facts.name).router
        if router != named or package == facts.package:
            self.symbols[index] = facts
            return
        self._refit(index, replace(facts, package=package))
        start_regime(self.arms.values(), index, self.tables.parameters)

    def declare(self, index: int, digest: str) -> None:
        """Put other declarations in force for a symbol.

        A limit or mode that no control record has set follows them. Another router name brings the
        package that serves it. A symbol that they dropped before it was heard keeps those it has.
        """
        facts = self.symbols[index]
        old, new = self.declarations[facts.declarations], self.declarations[digest]
        if facts.name not in new.by_symbol:
            return
        newborn = initial_states(new, (facts.name,))
        for states in self.arms.values():
            follow(states[index], newborn[0])
        router = new.instrument(facts.name).router
        moved = router != old.instrument(facts.name).router
        serving = {**self.genesis.packages, **facts.packages}
        package = serving.get(router, "") if moved else facts.package
        self._refit(index, replace(facts, declarations=digest, package=package))
        if moved:
            start_regime(self.arms.values(), index, self.tables.parameters)

    def _refit(self, index: int, facts: SymbolFacts) -> None:
        """Let other facts hold for a symbol."""
        self.growing.change_symbol(index, self.growing.row(facts))
        self.symbols[index] = facts

    def write_lineage(self, index: int) -> None:
        """Put the symbol's lineage digest where the kernel copies it from."""
        for arm, states in self.arms.items():
            states["lineage"][index] = self.lineages.renew(index, self.lineage(index, arm))
