"""The fold: everything the next decision depends on, and the one way it moves forward.

Contexts and control records go in, explained rows come out. Given the same records in the same
order of each symbol, the rows are the same whatever the batches, restarts and other symbols.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from torghut.decisions.errors import ArmsDifferError, ControlMisplacedError
from torghut.decisions.fold.batch import Applied, Decided, Pass, Place, Refused, occurring
from torghut.decisions.fold.control import (
    apply_control,
    control_digest,
)
from torghut.decisions.fold.identities import Identities, Known
from torghut.decisions.fold.judging import ControlRefusal, judge_content
from torghut.decisions.fold.memory import FoldMemory
from torghut.decisions.fold.placement import Held, rows_by_position
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival
from torghut.schemas.control import (
    AdviceOutcome,
    AdviceResolved,
    ControlRecord,
    DeclarationsChanged,
    OrderReported,
    PackageChanged,
    ReasoningModeChanged,
    RouterModeChanged,
)
from torghut.schemas.rows import DECISION, RowArray

_OF_THE_SERVING: Final = (RouterModeChanged, OrderReported, ReasoningModeChanged, AdviceResolved)
"""Records that say nothing to any other arm."""


@dataclass(slots=True, kw_only=True, repr=False)
class DecisionFold(FoldMemory):
    """A run's memory, and the way in which it moves on."""

    _decisions: dict[str, RowArray] = field(default_factory=dict)

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
                if isinstance(arrival.record, AdviceResolved):
                    self._resolve(batch, arrival.record)
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
        refusal = refusal or self.promoted.judge(record) or identities.judge_order(record)
        if refusal is None and isinstance(record, AdviceResolved):
            refusal = self._judge_resolution(record)
        return refusal or known

    def replay(
        self, contexts: RowArray, received: Sequence[Arrival], applied: Sequence[Applied]
    ) -> Decided:
        """Decide a recorded batch again, its control records placed where the log says.

        Raises:
            ControlMisplacedError: The log applies a record that it never received.
        """
        batch = self._begin(contexts)
        for one in applied:
            batch.placed.setdefault(one.resolution, []).append(one)
        applied = batch.placed.get("", ())
        places = [(a.symbol, a.position) for a in applied]
        rows = rows_by_position(places, contexts["symbol"], self.arms[SERVING]["inputs"].tolist())
        pending = list(reversed(received))
        for application, row in zip(applied, rows, strict=True):
            self._receive_until(batch, pending, row)
            self._run(batch, row, replaying=True)
            self.greet(application.symbol)
            place = self._next_place(batch)
            self._apply(batch, self._settled(application), place)
        self._receive_until(batch, pending, len(contexts))
        self._run(batch, len(contexts), replaying=True)
        for index in self.waiting.by_symbol:
            self.await_records(index)
        return batch.decided()

    def _receive(self, record: ControlRecord) -> None:
        """Let a new control record wait for the symbols that it names.

        A resolution waits for nothing: it is a place of its own, and of it only the next one of
        its context would have to be known, which does not wait any more. Advice that is only
        recorded has no effect at all.
        """
        if isinstance(record, AdviceOutcome):
            return
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
            clocks = {index: ns for index in named if (ns := self.heard_ns(index))}
        else:
            index = self.symbol_index(record.symbol)
            named = (index,)
            clocks = {index: self.heard_ns(index) or latest_ns}
        self.waiting.take(record, clocks, latest_ns)
        for index in named:
            self.await_records(index)

    def _receive_until(self, batch: Pass, pending: list[Arrival], row: int) -> None:
        """Take the recorded arrivals before or at ``row``; ``pending`` has the next one last."""
        while pending and pending[-1].row <= row:
            arrival = pending.pop()
            self._run(batch, arrival.row, replaying=True)
            self._receive(arrival.record)
            batch.received.append(arrival)
            if isinstance(arrival.record, AdviceResolved):
                self._resolve(batch, arrival.record, replaying=True)

    def _settled(self, application: Applied) -> Held:
        """Take out, and return, the waiting record that the log says applied.

        Raises:
            ControlMisplacedError: None waits.
        """
        held = self.waiting.settle(application.symbol, application.control_id)
        if held is None:
            raise ControlMisplacedError(control_id=application.control_id)
        return held

    def _begin(self, contexts: RowArray) -> Pass:
        """Return a pass over ``contexts`` of which nothing has been taken."""
        for arm in self.arms:
            if len(self._decisions.get(arm, ())) < (most := max(1, 2 * len(contexts))):
                self._decisions[arm] = np.zeros(most, DECISION)
        outcomes = np.zeros(len(contexts), np.uint8)
        batch = Pass(contexts=contexts, outcomes=outcomes, rows={arm: [] for arm in self.arms})
        for index in occurring(contexts["symbol"]):
            batch.lineages.update(self.lineages.of(index))
        return batch

    def _run(self, batch: Pass, stop: int, *, replaying: bool = False) -> None:
        """Decide the batch as far as row ``stop`` in every arm, applying what is due on the way."""
        greeted = -1
        while (start := batch.taken) < stop:
            contexts, outcomes = batch.contexts[start:stop], batch.outcomes[start:stop]
            taken: dict[str, int] = {}
            rows: dict[str, RowArray] = {}
            for arm, states in self.arms.items():
                taken[arm], written = self.kernel.decide(
                    contexts,
                    states,
                    self.growing.current,
                    self._decisions[arm],
                    outcomes,
                    follows=arm != SERVING,
                )
                rows[arm] = self._decisions[arm][:written]
            if len(taken) > 1 and len(set(taken.values())) > 1:
                raise ArmsDifferError(taken=taken)  # arms have the same place in time
            batch.taken += taken[SERVING]
            batch.take_rows(rows, start)
            if batch.taken == stop:
                return
            index = int(batch.contexts["symbol"][batch.taken])
            if greeted != batch.taken:  # new declarations may let the kernel stop here again
                self.greet(index)
                greeted = batch.taken
            if replaying:  # what applies here is in the log
                self.growing.stop_at(index, 0)
                continue
            place = self._next_place(batch)
            for held in self.waiting.take_due(index, place.now_ns):
                self._apply(batch, held, place)
            self.growing.stop_at(index, self.waiting.due_ns(index, heard=True))

    def _next_place(self, batch: Pass) -> Place:
        """Return the place before the next context."""
        context = batch.contexts[batch.taken]
        return Place(symbol=int(context["symbol"]), now_ns=int(context["receive_ns"]))

    def _judge_resolution(self, record: AdviceResolved) -> ControlRefusal | None:
        """Return why a resolution cannot hold: the context that it names does not wait."""
        index = self._index.get(record.symbol)
        waits = None if index is None else self.awaiting(index)
        return None if record.context_id == waits else ControlRefusal.ADVICE_UNAWAITED

    def _resolve(self, batch: Pass, record: AdviceResolved, *, replaying: bool = False) -> None:
        """Decide the context that a resolution names, under everything that is due by then."""
        index = self.symbol_index(record.symbol)
        now_ns = max(self.heard_ns(index), record.at_ns)
        place = Place(symbol=index, now_ns=now_ns, resolution=record.control_id)
        if replaying:
            for application in batch.placed.get(record.control_id, ()):
                if application.control_id != record.control_id:
                    self._apply(batch, self._settled(application), place)
        else:
            while due := self.waiting.take_due(index, now_ns):
                for held in due:
                    self._apply(batch, held, place)
        self._apply(batch, Held(in_force_ns=now_ns, order=0, record=record), place)
        rows: dict[str, RowArray] = {}
        for arm, states in self.arms.items():
            self.kernel.resolve(index, now_ns, states, self.tables, self._decisions[arm])
            rows[arm] = self._decisions[arm][:1]
        batch.take_resolved(rows)
        if not replaying:
            self.growing.stop_at(index, self.waiting.due_ns(index, heard=True))

    def _apply(self, batch: Pass, held: Held, place: Place) -> None:
        """Let a record take effect on the symbol at a place, in every arm it concerns."""
        record, index, now_ns = held.record, place.symbol, place.now_ns
        position = int(self.arms[SERVING]["inputs"][index])
        for arm, states in self.arms.items():
            if arm == SERVING or not isinstance(record, _OF_THE_SERVING):
                apply_control(record, now_ns, states[index])
        if isinstance(record, PackageChanged):
            self.serve(index, record.router, record.package or "")
        elif isinstance(record, DeclarationsChanged):
            self.declare(index, record.declarations)
        self.books.apply(index, record, self.identities, now_ns)
        self.books.show(index, self.arms.values(), self.tables.parameters, now_ns)
        self.symbols[index] = replace(self.symbols[index], control=control_digest(record))
        self.write_lineage(index)
        batch.lineages.update(self.lineages.of(index))
        batch.applied.append(
            Applied(
                control_id=record.control_id,
                symbol=index,
                position=position,
                resolution=place.resolution,
            )
        )
