"""The fold: everything the next decision depends on, and the one way it moves forward.

Contexts and control records go in, explained rows come out. Given the same records in the same
order of each symbol, the rows are the same whatever the batches, restarts and other symbols.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from torghut.decisions.declarations import Declarations
from torghut.decisions.errors import (
    ControlMisplacedError,
    PackageUnknownError,
)
from torghut.decisions.fold.batch import Applied, ArmRows, Decided, hash_rows
from torghut.decisions.fold.control import apply_control, control_digest, fill_name, follow
from torghut.decisions.fold.lineage import Lineage, lineage_words
from torghut.decisions.fold.placement import (
    Placed,
    Waiting,
    believed_ns,
    clock_ns,
    place_order,
    rows_by_position,
)
from torghut.decisions.fold.symbols import (
    ROUTER_ARM,
    Genesis,
    SymbolFacts,
    appended,
    first_declaring,
)
from torghut.decisions.kernel.engine import DecisionKernel, Tables
from torghut.decisions.parameters import initial_states, parameter_rows
from torghut.kernel.ids import SERVING, source_key, source_words
from torghut.market.ports import Arrival
from torghut.router.package import RegimeModel
from torghut.schemas.codes import RouterMode
from torghut.schemas.control import (
    ControlRecord,
    DeclarationsChanged,
    FillReported,
    PackageChanged,
    RouterModeChanged,
)
from torghut.schemas.rows import DECISION, PARAMETERS, SESSION, SOURCE, STATE

RowArray = npt.NDArray[np.void]
_Ran = tuple[npt.NDArray[np.uint8], dict[str, ArmRows], list[Applied], dict[str, Lineage]]


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
        control_ids: Every control id taken.
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
    control_ids: set[str] = field(default_factory=set)
    declared: str = ""
    served: dict[str, str] = field(default_factory=dict)
    arms: dict[str, RowArray] = field(default_factory=dict)
    _index: dict[str, int] = field(default_factory=dict)
    _lineages: dict[tuple[str, int], tuple[str, Lineage]] = field(default_factory=dict)
    _tables: Tables = field(
        default_factory=lambda: Tables(
            parameters=np.zeros(0, PARAMETERS),
            sources=np.zeros(0, SOURCE),
            sessions=np.zeros(0, SESSION),
        )
    )
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
        self._tables = Tables(
            parameters=self._tables.parameters,
            sources=self._tables.sources,
            sessions=np.concatenate([self._tables.sessions, declarations.sessions]),
        )

    def source_index(self, digest: str) -> int:
        """Return the number of the source part with that sha256, new if it is."""
        if digest in self.sources:
            return self.sources.index(digest)
        self.sources.append(digest)
        words = np.array([source_words(source_key(digest))], dtype=SOURCE)
        self._tables = Tables(
            parameters=self._tables.parameters,
            sources=np.concatenate([self._tables.sources, words]),
            sessions=self._tables.sessions,
        )
        return len(self.sources) - 1

    def symbol_index(self, name: str) -> int:
        """Return the number of a declared symbol; one seen for the first time is born."""
        return self._index[name] if name in self._index else self._birth(name)

    def decide(self, contexts: RowArray, arrivals: Sequence[Arrival] = ()) -> Decided:
        """Take a batch in and return what became of it.

        Args:
            contexts: Shape (n,), dtype ``CONTEXT``, numbered by ``symbol_index`` and
                ``source_index``.
            arrivals: New control records and where in the batch each came.
        """
        received: list[Arrival] = []
        repeated: list[Arrival] = []
        symbols, times, done = contexts["symbol"], believed_ns(contexts), 0
        placed = self.waiting.place(symbols, times, 0)
        for arrival in arrivals:
            if self._is_repeated(arrival.record):
                repeated.append(arrival)
                continue
            self._receive(arrival, symbols, times, done)
            done = arrival.row
            received.append(arrival)
            placed += self.waiting.place(symbols, times, arrival.row)
        self.waiting.advance(times[done:])
        placed.sort(key=place_order)
        outcomes, arms, applied, lineages = self._run(contexts, placed)
        return Decided(
            outcomes=outcomes,
            arms=arms,
            received=received,
            repeated=repeated,
            applied=applied,
            lineages=lineages,
        )

    def replay(
        self, contexts: RowArray, received: Sequence[Arrival], applied: Sequence[Applied]
    ) -> Decided:
        """Decide a recorded batch again, its control records placed where the log says.

        Raises:
            ControlMisplacedError: The log applies a record that it never received.
        """
        times, done = believed_ns(contexts), 0
        for arrival in received:
            self._receive(arrival, contexts["symbol"], times, done)
            done = arrival.row
        self.waiting.advance(times[done:])
        taken = [int(n) for n in self.arms[SERVING]["inputs"]]
        places = [(a.symbol, a.position) for a in applied]
        rows = rows_by_position(places, contexts["symbol"], taken)
        placed: list[Placed] = []
        for application, row in zip(applied, rows, strict=True):
            held = self.waiting.settle(application.symbol, application.control_id)
            if held is None:
                raise ControlMisplacedError(control_id=application.control_id)
            placed.append(Placed(row=row, symbol=application.symbol, held=held))
        outcomes, arms, again, lineages = self._run(contexts, placed)
        return Decided(
            outcomes=outcomes,
            arms=arms,
            received=received,
            repeated=(),
            applied=again,
            lineages=lineages,
        )

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
        parameters = np.zeros(len(self.symbols), PARAMETERS)
        for index in range(len(self.symbols)):
            parameters[index : index + 1] = self._parameter_row(index)
            self._write_lineage(index)
        sources = [source_words(source_key(digest)) for digest in self.sources]
        self._tables = Tables(
            parameters=parameters,
            sources=np.array(sources, dtype=SOURCE),
            sessions=self._tables.sessions,
        )

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
        self._tables = Tables(
            parameters=appended(self._tables.parameters, self._parameter_row(index)),
            sources=self._tables.sources,
            sessions=self._tables.sessions,
        )
        self._start_regime(index)
        self._write_lineage(index)
        self.waiting.greet(index)
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

    def _is_repeated(self, record: ControlRecord) -> bool:
        """Return whether a record was taken before; a fill by its own id too, per account."""
        if record.control_id in self.control_ids:
            return True
        return isinstance(record, FillReported) and fill_name(record) in self.control_ids

    def _receive(
        self,
        arrival: Arrival,
        symbols: npt.NDArray[np.uint32],
        times: npt.NDArray[np.int64],
        done: int,
    ) -> None:
        """Let a new control record wait for the symbols that it names.

        Args:
            arrival: The record, and the row of the batch that it came before.
            symbols: Shape (n,), the batch's symbols.
            times: Shape (n,), as ``believed_ns`` returns them.
            done: Row as far as which the clock has been moved on.
        """
        record = arrival.record
        self.control_ids.add(record.control_id)
        if isinstance(record, FillReported):
            self.control_ids.add(fill_name(record))
        if isinstance(record, DeclarationsChanged):
            self.declared = record.declarations
        elif isinstance(record, PackageChanged) and record.symbol == "*":
            self.served[record.router] = record.package or ""
        self.waiting.advance(times[done : arrival.row])
        if record.symbol == "*":
            named = range(len(self.symbols))
        else:
            index = self.symbol_index(record.symbol)
            named = range(index, index + 1)
        last_ns = self.arms[SERVING]["stream_receive_ns"]
        heard = symbols[: arrival.row], times[: arrival.row]
        clocks = {index: clock_ns(index, int(last_ns[index].max()), *heard) for index in named}
        self.waiting.take(record, clocks)

    def _run(self, contexts: RowArray, placed: Sequence[Placed]) -> _Ran:
        """Run every arm over the batch, stopping at each placed record to apply it."""
        if len(self._decisions) < (count := len(contexts)):
            self._decisions = np.zeros(count, DECISION)
        outcomes = np.zeros(count, np.uint8)
        present = np.unique(contexts["symbol"]).tolist()
        lineages: dict[str, Lineage] = {}
        pieces: dict[str, list[bytes]] = {arm: [] for arm in self.arms}
        applied: list[Applied] = []
        self._note_lineages(present, lineages)
        start = 0
        for place in (*placed, None):
            stop = count if place is None else place.row
            if stop > start:
                self._run_slice(contexts[start:stop], outcomes[start:stop], pieces)
                start = stop
            if place is not None:
                applied.append(self._apply(place, int(contexts["receive_ns"][place.row])))
                self._note_lineages((place.symbol,), lineages)
        arms = {arm: hash_rows(b"".join(parts)) for arm, parts in pieces.items()}
        return outcomes, arms, applied, lineages

    def _run_slice(
        self,
        contexts: RowArray,
        outcomes: npt.NDArray[np.uint8],
        pieces: dict[str, list[bytes]],
    ) -> None:
        """Decide rows between two control records in every arm."""
        for arm, states in self.arms.items():
            written = self.kernel.decide(contexts, states, self._tables, self._decisions, outcomes)
            pieces[arm].append(self._decisions[:written].tobytes())

    def _apply(self, place: Placed, now_ns: int) -> Applied:
        """Let a record take effect on its symbol, in every arm that it concerns."""
        record, index = place.held.record, place.symbol
        facts = self.symbols[index]
        position = int(self.arms[SERVING]["inputs"][index])
        for arm, states in self.arms.items():
            if arm == SERVING or not isinstance(record, RouterModeChanged):
                apply_control(record, now_ns, states[index])
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
        return Applied(control_id=record.control_id, symbol=index, position=position)

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

    def _note_lineages(self, symbols: Iterable[int], lineages: dict[str, Lineage]) -> None:
        """Collect the lineages that rows of ``symbols`` may name from here on."""
        for index in symbols:
            for arm in self.arms:
                digest, lineage = self._lineages[(arm, index)]
                lineages[digest] = lineage
