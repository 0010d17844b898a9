"""The fold: everything the next decision depends on, and the one way it moves forward.

Contexts and control records go in, explained rows come out. Given the same records in the same
order of each symbol, the rows are the same whatever the batches, restarts and other symbols.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.decisions.declarations import Declarations
from torghut.decisions.errors import (
    ControlMisplacedError,
    PackageUnknownError,
    SourcesExhaustedError,
)
from torghut.decisions.fold.batch import Applied, Decided, Pass
from torghut.decisions.fold.control import apply_control, control_digest, follow
from torghut.decisions.fold.identities import Identities, Known
from torghut.decisions.fold.lineage import Lineage, lineage_words
from torghut.decisions.fold.placement import Held, Waiting, rows_by_position
from torghut.decisions.fold.symbols import (
    ROUTER_ARM,
    Genesis,
    SymbolFacts,
    appended,
    first_declaring,
)
from torghut.decisions.kernel.engine import DecisionKernel, Tables, empty_tables
from torghut.decisions.parameters import initial_states, parameter_rows
from torghut.kernel.ids import SERVING, source_key, source_words
from torghut.market.ports import Arrival
from torghut.router.package import RegimeModel
from torghut.schemas.codes import RouterMode
from torghut.schemas.control import (
    ControlRecord,
    DeclarationsChanged,
    PackageChanged,
    RouterModeChanged,
)
from torghut.schemas.rows import CONTEXT, DECISION, PARAMETERS, SOURCE, STATE

RowArray = npt.NDArray[np.void]

_LAST_SOURCE: Final = np.iinfo(CONTEXT["source"]).max


@dataclass(slots=True, kw_only=True, repr=False)
class DecisionFold:
    """The run's whole memory; ``decide`` moves it on, ``snapshot`` and ``restore`` carry it over.

    Attributes:
        kernel: Compiled, or the reference.
        genesis: What the log began with.
        declarations: Every declarations in force somewhere, by digest.
        packages: Every package that may serve, by digest.
        symbols: Facts of each symbol, in the order first seen.
        sources: Digest of each source part, in the order first seen.
        waiting: Control records whose place has not come.
        identities: Which control records were taken.
        declared: Digest of the declarations that the newest record puts in force.
        served: Digest of the package of each router name that the newest records put in force.
        arms: State rows of each arm, one a symbol.
    """

    kernel: DecisionKernel
    genesis: Genesis
    declarations: dict[str, Declarations] = field(default_factory=dict)
    packages: dict[str, RegimeModel] = field(default_factory=dict)
    symbols: list[SymbolFacts] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    waiting: Waiting = field(default_factory=Waiting)
    identities: Identities = field(default_factory=Identities)
    declared: str = ""
    served: dict[str, str] = field(default_factory=dict)
    arms: dict[str, RowArray] = field(default_factory=dict)
    _index: dict[str, int] = field(default_factory=dict)
    _source_index: dict[str, int] = field(default_factory=dict)
    _lineages: dict[tuple[str, int], tuple[str, Lineage]] = field(default_factory=dict)
    _tables: Tables = field(default_factory=empty_tables)
    _session_offsets: dict[str, int] = field(default_factory=dict)
    _decisions: RowArray = field(default_factory=lambda: np.zeros(0, DECISION))

    def __post_init__(self) -> None:
        self.register(self.genesis.declarations)
        self.declared = self.genesis.declarations.digest
        self.served = dict(self.genesis.packages)
        names = [SERVING, ROUTER_ARM] if self.genesis.shadow_router else [SERVING]
        for name in names:
            self.arms.setdefault(name, np.zeros(0, STATE))

    def register(self, declarations: Declarations) -> None:
        """Make ``declarations`` known, so that a control record may put them in force."""
        if declarations.digest in self.declarations:
            return
        self.declarations[declarations.digest] = declarations
        self._session_offsets[declarations.digest] = len(self._tables.sessions)
        sessions = np.concatenate([self._tables.sessions, declarations.sessions])
        self._tables = replace(self._tables, sessions=sessions)

    def source_index(self, digest: str) -> int:
        """Return the number of the source part with that sha256, new if it is.

        Raises:
            SourcesExhaustedError: A context has no room for the number.
        """
        if digest not in self._source_index:
            if len(self.sources) > _LAST_SOURCE:
                raise SourcesExhaustedError(most=_LAST_SOURCE + 1)
            self._source_index[digest] = len(self.sources)
            self.sources.append(digest)
            words = np.array([source_words(source_key(digest))], dtype=SOURCE)
            self._tables = replace(self._tables, sources=appended(self._tables.sources, words))
        return self._source_index[digest]

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
            known = self.identities.recognise(arrival.record)
            if known is Known.NEW:
                self._receive(arrival.record)
                batch.received.append(arrival)
            elif known is Known.REPEATED:
                batch.repeated.append(arrival)
            else:
                batch.refused.append(arrival)
        self._run(batch, len(contexts))
        return batch.decided()

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

    @property
    def tables(self) -> Tables:
        """Parameters, sources and sessions as they are now in force."""
        return self._tables

    def rebuild_tables(self) -> None:
        """Compute the parameter rows of all symbols anew from their facts."""
        self._index = {facts.name: i for i, facts in enumerate(self.symbols)}
        self._source_index = {digest: i for i, digest in enumerate(self.sources)}
        parameters = np.zeros(len(self.symbols), PARAMETERS)
        for index in range(len(self.symbols)):
            parameters[index : index + 1] = self._parameter_row(index)
            self._write_lineage(index)
        sources = [source_words(source_key(digest)) for digest in self.sources]
        self._tables = replace(
            self._tables,
            parameters=parameters,
            sources=np.array(sources, dtype=SOURCE),
            due_ns=np.zeros(len(self.symbols), np.int64),
        )
        for index in range(len(self.symbols)):
            self._await(index)

    def _birth(self, name: str) -> int:
        """Add a symbol with the state, packages and standing controls of a newcomer."""
        index = len(self.symbols)
        declarations = first_declaring(self.declarations.values(), name)
        package = self.genesis.packages.get(declarations.instrument(name).router, "")
        self.symbols.append(
            SymbolFacts(name=name, declarations=declarations.digest, package=package)
        )
        self._index[name] = index
        newborn = initial_states(declarations, (name,))
        for arm, states in self.arms.items():
            self.arms[arm] = appended(states, newborn)
            if arm == ROUTER_ARM:
                self.arms[arm]["router_mode"][index] = RouterMode.LIVE
        self._tables = replace(
            self._tables,
            parameters=appended(self._tables.parameters, self._parameter_row(index)),
            due_ns=appended(self._tables.due_ns, np.zeros(1, np.int64)),
        )
        self._start_regime(index)
        self._write_lineage(index)
        self._await(index)
        return index

    def _parameter_row(self, index: int) -> RowArray:
        """Return the parameters of a symbol under its declarations and package, shape (1,)."""
        facts = self.symbols[index]
        declarations = self.declarations[facts.declarations]
        router = declarations.instrument(facts.name).router
        packages: dict[str, RegimeModel] = {}
        if facts.package:
            if facts.package not in self.packages:
                raise PackageUnknownError(router=router, digest=facts.package)
            packages[router] = self.packages[facts.package]
        rows = parameter_rows(declarations, packages, (facts.name,))[0]
        rows["session_first"] += self._session_offsets[facts.declarations]
        return rows

    def _start_regime(self, index: int) -> None:
        """Forget the regime of a symbol: its model is new."""
        for states in self.arms.values():
            states["posterior"][index] = self._tables.parameters["start"][index]
            states["regime_valid"][index] = 0
            states["regime_shock"][index] = 0.0
            states["entropy"][index] = 1.0

    def _receive(self, record: ControlRecord) -> None:
        """Let a new control record wait for the symbols that it names."""
        self.identities.take(record)
        if isinstance(record, DeclarationsChanged):
            self.declared = record.declarations
        elif isinstance(record, PackageChanged) and record.symbol == "*":
            self.served[record.router] = record.package or ""
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
        due_ns = self.waiting.due_ns(index)
        if self.waiting.standing and not self._clock_ns(index):
            due_ns = 1
        self._tables.due_ns[index] = due_ns

    def _greet(self, index: int) -> None:
        """Let a symbol that is about to be heard for the first time inherit what holds for all."""
        if not self._clock_ns(index) and self._tables.due_ns[index]:
            self.waiting.greet(index)
            self._tables.due_ns[index] = 0

    def _begin(self, contexts: RowArray) -> Pass:
        """Return a pass over ``contexts`` of which nothing has been taken."""
        if len(self._decisions) < len(contexts):
            self._decisions = np.zeros(len(contexts), DECISION)
        outcomes = np.zeros(len(contexts), np.uint8)
        batch = Pass(contexts=contexts, outcomes=outcomes, rows={arm: [] for arm in self.arms})
        self._note_lineages(batch, sorted(set(contexts["symbol"].tolist())))
        return batch

    def _run(self, batch: Pass, stop: int, *, replaying: bool = False) -> None:
        """Decide the batch as far as row ``stop`` in every arm, applying what is due on the way."""
        while (start := batch.taken) < stop:
            contexts, outcomes, taken = batch.contexts[start:stop], batch.outcomes[start:stop], 0
            for arm, states in self.arms.items():
                taken, written = self.kernel.decide(
                    contexts, states, self._tables, self._decisions, outcomes
                )
                batch.rows[arm].append(self._decisions[:written].tobytes())
            batch.taken += taken  # all arms stop alike: they have the same place in time
            if batch.taken == stop:
                return
            index = int(batch.contexts["symbol"][batch.taken])
            self._greet(index)
            if replaying:  # what applies here is in the log
                self._tables.due_ns[index] = 0
                continue
            now_ns = int(batch.contexts["receive_ns"][batch.taken])
            for held in self.waiting.take_due(index, now_ns):
                self._apply(batch, held)
            self._tables.due_ns[index] = self.waiting.due_ns(index)

    def _apply(self, batch: Pass, held: Held) -> None:
        """Let a record take effect on the symbol of the next context, in every arm it concerns."""
        record, context = held.record, batch.contexts[batch.taken]
        index = int(context["symbol"])
        facts = self.symbols[index]
        position = int(self.arms[SERVING]["inputs"][index])
        for arm, states in self.arms.items():
            if arm == SERVING or not isinstance(record, RouterModeChanged):
                apply_control(record, int(context["receive_ns"]), states[index])
        if isinstance(record, PackageChanged):
            router = self.declarations[facts.declarations].instrument(facts.name).router
            if record.router == router:
                facts.package = record.package or ""
                self._tables.parameters[index : index + 1] = self._parameter_row(index)
                self._start_regime(index)
        elif isinstance(record, DeclarationsChanged):
            self._declare(index, record.declarations)
        facts.control = control_digest(record)
        self._write_lineage(index)
        self._note_lineages(batch, (index,))
        batch.applied.append(Applied(control_id=record.control_id, symbol=index, position=position))

    def _declare(self, index: int, digest: str) -> None:
        """Put other declarations in force for a symbol.

        A limit or mode that still is as the old ones declared it follows the new ones; one that a
        control record has set stays. Another router name brings the package that serves it.
        """
        facts = self.symbols[index]
        old, new = self.declarations[facts.declarations], self.declarations[digest]
        was, will = initial_states(old, (facts.name,)), initial_states(new, (facts.name,))
        for states in self.arms.values():
            follow(states[index], was[0], will[0])
        facts.declarations = digest
        router = new.instrument(facts.name).router
        moved = router != old.instrument(facts.name).router
        if moved:
            facts.package = self.served.get(router, "")
        self._tables.parameters[index : index + 1] = self._parameter_row(index)
        if moved:
            self._start_regime(index)

    def _write_lineage(self, index: int) -> None:
        """Put the symbol's lineage digest where the kernel copies it from."""
        for arm, states in self.arms.items():
            lineage = self.lineage(index, arm)
            self._lineages[(arm, index)] = (lineage.digest, lineage)
            states["lineage"][index] = lineage_words(lineage.digest)

    def _note_lineages(self, batch: Pass, symbols: Iterable[int]) -> None:
        """Collect the lineages that rows of ``symbols`` may name from here on."""
        for index in symbols:
            for arm in self.arms:
                digest, lineage = self._lineages[(arm, index)]
                batch.lineages[digest] = lineage
