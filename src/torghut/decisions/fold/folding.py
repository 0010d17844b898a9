"""The fold: everything the next decision depends on, and the one way it moves forward.

Contexts and control records go in, explained rows come out. Given the same records in the same
order of each symbol, the rows are the same whatever the batches, restarts and other symbols.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from torghut.decisions.declarations import Declarations
from torghut.decisions.errors import ArmsDifferError, ControlMisplacedError
from torghut.decisions.fold.batch import Applied, Decided, Pass, Refused, occurring
from torghut.decisions.fold.books import Books
from torghut.decisions.fold.control import apply_control, control_digest, follow, set_for_good
from torghut.decisions.fold.identities import Identities, Known
from torghut.decisions.fold.judging import ControlRefusal, judge_content
from torghut.decisions.fold.lineage import Lineage, Lineages
from torghut.decisions.fold.placement import Held, Waiting, rows_by_position
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
from torghut.market.ports import Arrival
from torghut.router.package import RegimeModel
from torghut.schemas.codes import RouterMode
from torghut.schemas.control import (
    ControlRecord,
    DeclarationsChanged,
    OrderReported,
    PackageChanged,
    RouterModeChanged,
)
from torghut.schemas.rows import DECISION, STATE, RowArray


@dataclass(slots=True, kw_only=True, repr=False)
class DecisionFold:
    """The run's whole memory; ``decide`` moves it on, ``snapshot`` and ``restore`` carry it over.

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
    _index: dict[str, int] = field(default_factory=dict)
    _lineages: Lineages = field(default_factory=Lineages)
    _tables: GrowingTables = field(init=False)
    _decisions: RowArray = field(default_factory=lambda: np.zeros(0, DECISION))

    def __post_init__(self) -> None:
        self._tables = GrowingTables(packages=self.packages)
        self.register(self.genesis.declarations)
        self.declared = self.genesis.declarations.digest
        self.served = dict(self.genesis.packages)
        self.installed = Installed(declarations=self.declared, packages=self.genesis.packages)
        self.promoted = Promoted(by_router={k: [v] for k, v in self.genesis.packages.items()})
        for name in (SERVING, ROUTER_ARM)[: 1 + self.genesis.shadow_router]:
            self.arms.setdefault(name, np.zeros(0, STATE))

    def register(self, declarations: Declarations) -> None:
        """Make ``declarations`` known, so that a control record may put them in force."""
        self._tables.add_declarations(declarations)

    @property
    def declarations(self) -> Mapping[str, Declarations]:
        """Every declarations that a record may put in force, by digest, in the order registered."""
        return self._tables.declarations

    @property
    def sources(self) -> Sequence[str]:
        """Digest of each source part, in the order first seen."""
        return self._tables.sources

    @property
    def tables(self) -> Tables:
        """Parameters, sources and sessions as they are now in force."""
        return self._tables.current

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
        return self._tables.source_index(digest)

    def symbol_index(self, name: str) -> int:
        """Return the number of a declared symbol; one seen for the first time is born."""
        return self._index[name] if name in self._index else self._birth(name)

    def decide(self, contexts: RowArray, arrivals: Sequence[Arrival] = ()) -> Decided:
        """Take a batch in and return what became of it.

        Args:
            contexts: Shape (n,), dtype ``CONTEXT``, numbered by ``symbol_index`` and
                ``source_index``.
            arrivals: Control records and where in the batch each came, in order.
        """
        batch = self._begin(contexts)
        for arrival in arrivals:
            self._run(batch, arrival.row)
            judged = self.judge(arrival.record)
            if judged is Known.NEW and arrival.refusal:
                judged = ControlRefusal(arrival.refusal)
            if judged is Known.NEW:
                self._receive(arrival.record)
                batch.received.append(arrival)
            elif judged is Known.REPEATED:
                batch.repeated.append(arrival)
            else:
                batch.refused.append(Refused(arrival=arrival, code=judged))
        self._run(batch, len(contexts))
        return batch.decided()

    def judge(
        self, record: ControlRecord, identities: Identities | None = None
    ) -> Known | ControlRefusal:
        """Return whether ``record`` is new, comes again, or cannot hold, and why; change nothing.

        Args:
            record: That would come next.
            identities: Which records were taken until then; by default those of the fold.
        """
        identities = identities or self.identities
        known = identities.recognise(record)
        if known is not Known.NEW:
            return known
        heard = (self.arms[SERVING]["inputs"] > 0).tolist()
        refusal = judge_content(
            record,
            declarations=self.declarations,
            packages=self.packages,
            heard=[facts.name for facts, yes in zip(self.symbols, heard, strict=True) if yes],
        )
        return refusal or self.promoted.judge(record) or identities.judge_order(record) or known

    def replay(
        self, contexts: RowArray, received: Sequence[Arrival], applied: Sequence[Applied]
    ) -> Decided:
        """Decide a recorded batch again, its control records placed where the log says.

        Raises:
            ControlMisplacedError: The log applies a record that it never received.
        """
        batch = self._begin(contexts)
        places = [(a.symbol, a.position) for a in applied]
        rows = rows_by_position(places, contexts["symbol"], self.arms[SERVING]["inputs"].tolist())
        pending = list(reversed(received))
        for application, row in zip(applied, rows, strict=True):
            self._receive_until(batch, pending, row)
            self._run(batch, row, replaying=True)
            self._greet(application.symbol)
            held = self.waiting.settle(application.symbol, application.control_id)
            if held is None:
                raise ControlMisplacedError(control_id=application.control_id)
            self._apply(batch, held)
        self._receive_until(batch, pending, len(contexts))
        self._run(batch, len(contexts), replaying=True)
        for index in self.waiting.by_symbol:
            self._await(index)
        return batch.decided()

    def pending(self, name: str) -> Sequence[Held]:
        """Return the control records that wait for the contexts of the symbol ``name``."""
        index = self._index.get(name)
        if index is None:
            return self.waiting.standing
        own = self.waiting.by_symbol.get(index, [])
        return own if self._clock_ns(index) else [*own, *self.waiting.standing]

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
        self._tables.rebuild(self.symbols, sources)
        for index in range(len(self.symbols)):
            self._write_lineage(index)
            self._await(index)

    def _birth(self, name: str) -> int:
        """Add a symbol with the state, packages and standing controls of a newcomer."""
        index = len(self.symbols)
        declarations = self.declared_for(name)
        package = self.genesis.packages.get(declarations.instrument(name).router, "")
        facts = SymbolFacts(name=name, declarations=declarations.digest, package=package)
        self._tables.add_symbol(self._tables.row(facts))
        self.symbols.append(facts)
        self._index[name] = index
        newborn = initial_states(declarations, (name,))
        for arm, states in self.arms.items():
            self.arms[arm] = appended(states, newborn)
            if arm == ROUTER_ARM:
                set_for_good(self.arms[arm][index], "router_mode", RouterMode.LIVE)
        start_regime(self.arms.values(), index, self.tables.parameters)
        self._write_lineage(index)
        self._await(index)
        return index

    def _receive(self, record: ControlRecord) -> None:
        """Let a new control record wait for the symbols that it names."""
        self.identities.take(record)
        if isinstance(record, DeclarationsChanged):
            self.declared = record.declarations
        elif isinstance(record, PackageChanged) and record.symbol == "*":
            self.served[record.router] = record.package or ""
        self.installed = self.installed.after(record)
        self.promoted.take(record)
        latest_ns = self.clock_ns
        if record.symbol == "*":
            named: Iterable[int] = range(len(self.symbols))
            clocks = {index: ns for index in named if (ns := self._clock_ns(index))}
        else:
            index = self.symbol_index(record.symbol)
            named = (index,)
            clocks = {index: self._clock_ns(index) or latest_ns}
        self.waiting.take(record, clocks, latest_ns)
        for index in named:
            self._await(index)

    def _receive_until(self, batch: Pass, pending: list[Arrival], row: int) -> None:
        """Take the recorded arrivals before or at ``row``; ``pending`` has the next one last."""
        while pending and pending[-1].row <= row:
            arrival = pending.pop()
            self._run(batch, arrival.row, replaying=True)
            self._receive(arrival.record)
            batch.received.append(arrival)

    def _clock_ns(self, index: int) -> int:
        """Return the latest receive time of a symbol; 0 until it is heard."""
        return int(self.arms[SERVING]["stream_receive_ns"][index].max())

    def _await(self, index: int) -> None:
        """Tell the kernel before which context of a symbol it is to stop."""
        heard = bool(self._clock_ns(index))
        self._tables.stop_at(index, self.waiting.due_ns(index, heard=heard))

    def _greet(self, index: int) -> None:
        """Let a symbol that is about to be heard for the first time inherit what holds for all."""
        if not self._clock_ns(index) and self._tables.stops(index):
            self.waiting.greet(index)
            self._tables.stop_at(index, 0)

    def _begin(self, contexts: RowArray) -> Pass:
        """Return a pass over ``contexts`` of which nothing has been taken."""
        if len(self._decisions) < len(contexts):
            self._decisions = np.zeros(len(contexts), DECISION)
        outcomes = np.zeros(len(contexts), np.uint8)
        batch = Pass(contexts=contexts, outcomes=outcomes, rows={arm: [] for arm in self.arms})
        for index in occurring(contexts["symbol"]):
            batch.lineages.update(self._lineages.of(index))
        return batch

    def _run(self, batch: Pass, stop: int, *, replaying: bool = False) -> None:
        """Decide the batch as far as row ``stop`` in every arm, applying what is due on the way."""
        greeted = -1
        while (start := batch.taken) < stop:
            contexts, outcomes = batch.contexts[start:stop], batch.outcomes[start:stop]
            taken: dict[str, int] = {}
            for arm, states in self.arms.items():
                taken[arm], written = self.kernel.decide(
                    contexts, states, self._tables.current, self._decisions, outcomes
                )
                batch.rows[arm].append(self._decisions[:written].tobytes())
            if len(taken) > 1 and len(set(taken.values())) > 1:
                raise ArmsDifferError(taken=taken)  # arms have the same place in time
            batch.taken += taken[SERVING]
            if batch.taken == stop:
                return
            index = int(batch.contexts["symbol"][batch.taken])
            if greeted != batch.taken:  # new declarations may let the kernel stop here again
                self._greet(index)
                greeted = batch.taken
            if replaying:  # what applies here is in the log
                self._tables.stop_at(index, 0)
                continue
            now_ns = int(batch.contexts["receive_ns"][batch.taken])
            for held in self.waiting.take_due(index, now_ns):
                self._apply(batch, held)
            self._tables.stop_at(index, self.waiting.due_ns(index, heard=True))

    def _apply(self, batch: Pass, held: Held) -> None:
        """Let a record take effect on the symbol of the next context, in every arm it concerns."""
        record, context = held.record, batch.contexts[batch.taken]
        index = int(context["symbol"])
        position = int(self.arms[SERVING]["inputs"][index])
        now_ns = int(context["receive_ns"])
        for arm, states in self.arms.items():
            if arm == SERVING or not isinstance(record, RouterModeChanged | OrderReported):
                apply_control(record, now_ns, states[index])
        if isinstance(record, PackageChanged):
            self._serve(index, record.router, record.package or "")
        elif isinstance(record, DeclarationsChanged):
            self._declare(index, record.declarations)
        self.books.apply(index, record, self.identities, now_ns)
        self.books.show(index, self.arms.values(), self.tables.parameters, now_ns)
        self.symbols[index] = replace(self.symbols[index], control=control_digest(record))
        self._write_lineage(index)
        batch.lineages.update(self._lineages.of(index))
        batch.applied.append(Applied(control_id=record.control_id, symbol=index, position=position))

    def _serve(self, index: int, router: str, package: str) -> None:
        """Let a package serve a symbol, now or once its declarations name that router."""
        facts = self.symbols[index]
        facts = replace(facts, packages={**facts.packages, router: package})
        named = self.declarations[facts.declarations].instrument(facts.name).router
        if router != named or package == facts.package:
            self.symbols[index] = facts
            return
        self._refit(index, replace(facts, package=package))
        start_regime(self.arms.values(), index, self.tables.parameters)

    def _declare(self, index: int, digest: str) -> None:
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
        self._tables.change_symbol(index, self._tables.row(facts))
        self.symbols[index] = facts

    def _write_lineage(self, index: int) -> None:
        """Put the symbol's lineage digest where the kernel copies it from."""
        for arm, states in self.arms.items():
            states["lineage"][index] = self._lineages.renew(index, self.lineage(index, arm))
