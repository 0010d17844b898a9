"""Reads a window of a source for fitting: the kernel's own samples, and its decisions at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.kernel.feature_pass import SAMPLE, FeaturePass
from torghut.decisions.parameters import parameter_rows
from torghut.kernel.ids import SERVING
from torghut.market.ports import Cursor, Source
from torghut.router.package import RegimeModel
from torghut.router.training.labels import Labels, SampledDecisions, label, together
from torghut.router.training.record import FeatureSampling
from torghut.router.training.regimes import TrainingDataError
from torghut.router.training.sequences import FeatureSequence
from torghut.schemas.codes import Gate, RefusalCode, RouterMode
from torghut.schemas.declarations.instruments import Instrument
from torghut.schemas.rows import DECISION, Floats

RowArray = npt.NDArray[np.void]
Progress = Callable[[str, int, int], None]
"""Told a stage, how much of it is done, and of how much; of 0 where that is not known."""

_RECORDS_MAX: Final = 10_000
_VOLATILITY: Final = int(Gate.VOLATILITY)


def silent(_stage: str, _done: int, _total: int) -> None:
    """Report no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A piece of a source that is read, as often as needed.

    Attributes:
        source: Where contexts come from.
        declarations: How its instruments are sampled and judged.
        symbols: Which of them are read.
        start_ns: Receive time of its beginning.
        end_ns: Receive time of its end; a context then is not in it.
    """

    source: Source
    declarations: Declarations
    symbols: Sequence[str]
    start_ns: int
    end_ns: int

    def instrument(self, symbol: int) -> Instrument:
        """Return the instrument with that number."""
        return self.declarations.instrument(self.symbols[symbol])


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSamples:
    """The samples of a window.

    Attributes:
        samples: Dtype ``SAMPLE``, in the order taken.
        contexts: How many contexts the window holds.
        first_ns: Receive time of the earliest.
        last_ns: Receive time of the latest.
    """

    samples: RowArray
    contexts: int
    first_ns: int
    last_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowDecisions:
    """What the kernel made of a window.

    Attributes:
        score: The blended score at each sample, shape (samples,).
        volatility: Over the horizon as then known, shape (samples,).
        refused: Contexts that were refused, by published code.
    """

    score: Floats
    volatility: Floats
    refused: Mapping[str, int]


def resampled(
    declarations: Declarations, symbols: Sequence[str], sampling: FeatureSampling | None
) -> Declarations:
    """Return ``declarations`` in which ``symbols`` are sampled otherwise than declared.

    Raises:
        SymbolUndeclaredError: A symbol is not declared.
    """
    chosen = {declarations.instrument(symbol).symbol for symbol in symbols}
    if sampling is None:
        return declarations
    return replace(
        declarations,
        instruments=tuple(
            _sampled_at(one, sampling) if one.symbol in chosen else one
            for one in declarations.instruments
        ),
    )


def read_samples(
    window: Window, features: FeaturePass, progress: Progress = silent
) -> WindowSamples:
    """Return every sample of ``window``.

    Raises:
        TrainingDataError: The window is empty.
    """
    parameters, _ = parameter_rows(window.declarations, {}, window.symbols)
    passing = features.begin(parameters)
    found: list[RowArray] = [np.zeros(0, SAMPLE)]
    count, first_ns, last_ns = 0, 2**63 - 1, 0
    for contexts in _contexts(window):
        found.append(passing.take(contexts))
        count += len(contexts)
        first_ns = min(first_ns, int(contexts["receive_ns"].min()))
        last_ns = max(last_ns, int(contexts["receive_ns"].max()))
        progress("read", count, 0)
    if count == 0:
        raise TrainingDataError(expected="contexts in the window", found="none")
    return WindowSamples(
        samples=np.concatenate(found), contexts=count, first_ns=first_ns, last_ns=last_ns
    )


def read_decisions(
    window: Window,
    taken: WindowSamples,
    kernel: DecisionKernel,
    model: RegimeModel,
    progress: Progress = silent,
) -> WindowDecisions:
    """Return what the kernel decides in ``window`` with ``model`` serving, at its samples."""
    fold = _fold(window, kernel, model)
    places = taken.samples["context"].astype(np.int64)
    score, volatility = np.zeros(len(places)), np.zeros(len(places))
    refused: Counter[int] = Counter()
    done = 0
    for contexts in _contexts(window):
        decided = fold.decide(contexts)
        rows = np.frombuffer(decided.arms[SERVING].rows, DECISION)
        here = slice(*np.searchsorted(places, (done, done + len(contexts))).tolist())
        ordinals = np.cumsum(decided.outcomes == 0) - 1
        sampled = rows[ordinals[places[here] - done]]
        score[here] = sampled["score"]
        volatility[here] = sampled["gate_value"][:, _VOLATILITY]
        refused.update(decided.outcomes[decided.outcomes != 0].tolist())
        done += len(contexts)
        progress("decide", done, taken.contexts)
    return WindowDecisions(
        score=score,
        volatility=volatility,
        refused={RefusalCode(code).code: count for code, count in sorted(refused.items())},
    )


def sequences_of(window: Window, samples: RowArray) -> Sequence[FeatureSequence]:
    """Return the sequences of warmed-up samples of every symbol, broken at gaps."""
    return [
        FeatureSequence(
            receive_ns=np.ascontiguousarray(piece["receive_ns"]),
            features=np.ascontiguousarray(piece["features"]),
        )
        for symbol in range(len(window.symbols))
        for piece in _stretches(samples[_is_warm(window, samples, symbol)])
    ]


def labels_of(window: Window, samples: RowArray, decisions: WindowDecisions) -> Labels:
    """Return what became of the decisions of every symbol, over its declared horizon."""
    found = []
    for symbol in range(len(window.symbols)):
        own = _is_warm(window, samples, symbol)
        judged = SampledDecisions(
            receive_ns=samples["receive_ns"][own],
            gap=samples["gap"][own] == 1,
            mid=samples["mid"][own],
            score=decisions.score[own],
            volatility=decisions.volatility[own],
            cost=samples["cost_ratio"][own],
        )
        found.append(label(judged, window.instrument(symbol).sampling.horizon_samples))
    return together(found)


def _is_warm(window: Window, samples: RowArray, symbol: int) -> npt.NDArray[np.bool_]:
    """Return which samples are of ``symbol`` and taken when it was warmed up."""
    warm_up = window.instrument(symbol).sampling.warm_up_samples
    return np.asarray((samples["symbol"] == symbol) & (samples["samples"] >= warm_up))


def _stretches(samples: RowArray) -> Iterator[RowArray]:
    """Yield the pieces of one symbol's samples that lie between gaps; a lone sample is none."""
    for piece in np.split(samples, np.flatnonzero(samples["gap"])):
        if len(piece) > 1:
            yield piece


def _contexts(window: Window) -> Iterator[RowArray]:
    """Yield the contexts of ``window``, numbered by its symbols; none of the batches is empty.

    Raises:
        TrainingDataError: The source does not know one of the symbols.
    """
    known = list(window.source.description.symbols)
    missing = [symbol for symbol in window.symbols if symbol not in known]
    if missing:
        raise TrainingDataError(
            expected=f"a source of {', '.join(missing)}", found=", ".join(known) or "no symbols"
        )
    numbers = np.full(len(known), -1)
    for number, symbol in enumerate(window.symbols):
        numbers[known.index(symbol)] = number
    for batch in window.source.batches(after=Cursor(), max_records=_RECORDS_MAX):
        number = numbers[batch.contexts["symbol"]]
        receive_ns = batch.contexts["receive_ns"]
        inside = (number >= 0) & (receive_ns >= window.start_ns) & (receive_ns < window.end_ns)
        if inside.any():
            contexts = batch.contexts[inside]
            contexts["symbol"] = number[inside]
            yield contexts


def _fold(window: Window, kernel: DecisionKernel, model: RegimeModel) -> DecisionFold:
    """Return a fold in which ``model`` serves every symbol of ``window``, router live."""
    routers = {window.instrument(number).router for number in range(len(window.symbols))}
    genesis = Genesis(
        declarations=window.declarations, packages=dict.fromkeys(routers, model.digest)
    )
    fold = DecisionFold(kernel=kernel, genesis=genesis, packages={model.digest: model})
    for part in window.source.description.parts:
        fold.source_index(part.digest)
    for symbol in window.symbols:
        fold.symbol_index(symbol)
    fold.arms[SERVING]["router_mode"] = RouterMode.LIVE
    return fold


def _sampled_at(instrument: Instrument, sampling: FeatureSampling) -> Instrument:
    """Return ``instrument`` with other times between samples; what they remember stays."""
    stated = instrument.model_dump()
    stated["sampling"] |= sampling.model_dump()
    return Instrument.model_validate(stated)
