"""Two arms watched while they decide: where their positions part, and what that comes to.

A stretch is a symbol's consecutive contexts at which the candidate's position is above the
champion's, or below it, throughout. A context belongs to the stretch in whose position the arms
came to it, because that is what its gain is from; the first one of a stretch is where they part.
Memory is one stretch a symbol and the few largest, however long the window.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from torghut.evals.lookahead import Answers
from torghut.kernel.ids import ContextId, format_context_id, source_key
from torghut.schemas.codes import Stream, published_name
from torghut.schemas.reviewing.disagreements import DISAGREEMENTS_MAX, Disagreement
from torghut.schemas.rows import RowArray
from torghut.workflows.lane.contest.steps import Floats, Steps

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Widest:
    """A context, and what both arms held after it."""

    source: int
    stream: int
    sequence: int
    receive_ns: int
    candidate: float
    champion: float

    @property
    def gap(self) -> float:
        """Return how far they were apart."""
        return abs(self.candidate - self.champion)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stretch:
    """A disagreement in the making."""

    symbol: int
    sign: float
    first_ns: int
    last_ns: int
    contexts: int
    candidate_net: float
    champion_net: float
    widest: _Widest

    @property
    def size(self) -> float:
        """Return how much more one arm made of it than the other."""
        return abs(self.candidate_net - self.champion_net)

    def longer(self, more: _Stretch) -> _Stretch:
        """Return this stretch with what follows it."""
        return replace(
            more,
            first_ns=self.first_ns,
            contexts=self.contexts + more.contexts,
            candidate_net=self.candidate_net + more.candidate_net,
            champion_net=self.champion_net + more.champion_net,
            widest=self.widest if self.widest.gap >= more.widest.gap else more.widest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What both arms made of one symbol's contexts, in order; shape (n,) each."""

    symbol: int
    contexts: RowArray
    candidate: Floats
    champion: Floats
    candidate_net: Floats
    champion_net: Floats

    def stretch(self, sign: float, first: int, stop: int) -> _Stretch:
        """Return contexts from ``first`` on, before ``stop``, as a stretch."""
        held = slice(first, stop)
        far = first + int(np.abs(self.candidate[held] - self.champion[held]).argmax())
        widest = self.contexts[far]
        return _Stretch(
            symbol=self.symbol,
            sign=sign,
            first_ns=int(self.contexts["receive_ns"][first]),
            last_ns=int(self.contexts["receive_ns"][stop - 1]),
            contexts=stop - first,
            candidate_net=float(self.candidate_net[held].sum()),
            champion_net=float(self.champion_net[held].sum()),
            widest=_Widest(
                source=int(widest["source"]),
                stream=int(widest["stream"]),
                sequence=int(widest["sequence"]),
                receive_ns=int(widest["receive_ns"]),
                candidate=float(self.candidate[far]),
                champion=float(self.champion[far]),
            ),
        )


@dataclass(slots=True, kw_only=True)
class Watch:
    """Watches two arms on the contexts received from one time to another, both in.

    Attributes:
        candidate: Role of the one.
        champion: And of the other.
        first_ns: Receive time.
        last_ns: Receive time.
        contexts: So far, of those that both decided.
        contexts_apart: Of them, those in stretches.
        stretches: That have ended.
    """

    candidate: str
    champion: str
    first_ns: int
    last_ns: int
    contexts: int = 0
    contexts_apart: int = 0
    stretches: int = 0
    _seen: dict[str, tuple[Answers, Steps]] = field(default_factory=dict)
    _before: dict[int, float] = field(default_factory=dict)
    _open: dict[int, _Stretch] = field(default_factory=dict)
    _largest: list[tuple[float, int, _Stretch]] = field(default_factory=list)

    def hear(self, role: str, answers: Answers, steps: Steps) -> None:
        """Take in what an arm made of the contexts that ``take`` is given next."""
        if role in (self.candidate, self.champion):
            self._seen[role] = (answers, steps)

    def take(self, contexts: RowArray) -> None:
        """Compare what both arms made of ``contexts``."""
        own, other = self._seen.pop(self.candidate), self._seen.pop(self.champion)
        times = contexts["receive_ns"]
        decided = (own[0].outcomes == 0) & (other[0].outcomes == 0)
        places = np.flatnonzero(decided & (times >= self.first_ns) & (times <= self.last_ns))
        self.contexts += len(places)
        held = [_positions(answers, len(contexts)) for answers, _ in (own, other)]
        for symbol in np.unique(contexts["symbol"][places]).tolist():
            rows: Places = places[contexts["symbol"][places] == symbol]
            batch = _Batch(
                symbol=symbol,
                contexts=contexts[rows],
                candidate=held[0][rows],
                champion=held[1][rows],
                candidate_net=own[1].net[rows],
                champion_net=other[1].net[rows],
            )
            self._follow(batch)

    def disagreements(
        self, symbols: Sequence[str], sources: Sequence[str]
    ) -> tuple[Disagreement, ...]:
        """End what is open, and return the largest stretches, the largest first.

        Args:
            symbols: Names, as contexts number them.
            sources: Digests of source parts, likewise.
        """
        for symbol in sorted(self._open):
            self._end(symbol)
        ordered = sorted(self._largest, key=lambda one: (-one[0], -one[1]))
        return tuple(_told(one, symbols, sources) for _, _, one in ordered)

    def _follow(self, batch: _Batch) -> None:
        """Add a symbol's contexts to its stretch, and begin and end those that do."""
        symbol, apart = batch.symbol, batch.candidate - batch.champion
        before = np.concatenate([[self._before.get(symbol, 0.0)], apart[:-1]])
        self._before[symbol] = float(apart[-1])
        signs = np.sign(np.where(before != 0.0, before, apart))
        edges = [0, *(np.flatnonzero(np.diff(signs)) + 1).tolist(), len(signs)]
        for first, stop in itertools.pairwise(edges):
            sign = float(signs[first])
            known = self._open.get(symbol)
            if known is not None and known.sign != sign:
                self._end(symbol)
                known = None
            if sign:
                found = batch.stretch(sign, first, stop)
                self._open[symbol] = found if known is None else known.longer(found)

    def _end(self, symbol: int) -> None:
        """End a symbol's stretch, and keep it if it is among the largest; of equals the earlier."""
        ended = self._open.pop(symbol)
        self.stretches += 1
        self.contexts_apart += ended.contexts
        heapq.heappush(self._largest, (ended.size, -self.stretches, ended))
        if len(self._largest) > DISAGREEMENTS_MAX:
            heapq.heappop(self._largest)


def _positions(answers: Answers, count: int) -> Floats:
    """Return the position after each of ``count`` contexts; 0 where none was decided."""
    whole = np.zeros(count)
    whole[answers.outcomes == 0] = answers.rows["position"]
    return whole


def _told(one: _Stretch, symbols: Sequence[str], sources: Sequence[str]) -> Disagreement:
    """Return a stretch by names."""
    widest, symbol = one.widest, symbols[one.symbol]
    context = ContextId(
        source_key=source_key(sources[widest.source]),
        symbol=symbol,
        stream=published_name(Stream(widest.stream)),
        sequence=widest.sequence,
    )
    return Disagreement(
        symbol=symbol,
        first_ns=one.first_ns,
        last_ns=one.last_ns,
        contexts=one.contexts,
        widest_context=format_context_id(context),
        widest_ns=widest.receive_ns,
        candidate_position=widest.candidate + 0.0,
        champion_position=widest.champion + 0.0,
        candidate_net=one.candidate_net + 0.0,
        champion_net=one.champion_net + 0.0,
    )
