"""The feature pass: what the kernel would have seen at every sample, for fitting alone.

Runs the kernel's own admission, quote and sampling over contexts, so that a model is fitted on the
very numbers that it will be asked about. Nothing is decided and nothing is routed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, cast

import numpy as np

from torghut.decisions.kernel.arrays import check_array, check_indices
from torghut.kernel.native.compiled import compiled
from torghut.kernel.native.loading import build_of, entry, is_kept
from torghut.kernel.native.ports import CodeStore
from torghut.market.admission import admit
from torghut.market.features import sample, take_quote
from torghut.schemas.codes import REGIME_FEATURES
from torghut.schemas.rows import (
    CONTEXT,
    PARAMETERS,
    STATE,
    Bytes,
    ContextRow,
    Floats,
    ParameterRow,
    RowArray,
    Rows,
    StateRow,
)


class SampleRow(Protocol):
    """One sample of one symbol: the features that the regime filter would have been given."""

    symbol: int
    gap: int
    context: int
    samples: int
    receive_ns: int
    features: Floats
    mid: float
    cost_ratio: float


SAMPLE: Final = np.dtype(
    [
        ("symbol", "<u4"),  # index into the run's symbol table
        ("gap", "u1"),  # 1: no return joins this sample to the symbol's one before
        ("context", "<u8"),  # index of its context among all contexts passed, from 0
        ("samples", "<i8"),  # of the symbol so far, this one included
        ("receive_ns", "<i8"),
        ("features", "<f8", (REGIME_FEATURES,)),
        ("mid", "<f8"),
        ("cost_ratio", "<f8"),  # of price: the spread and both sides' fees and slippage
    ]
)


@compiled
def sample_rows(
    contexts: Rows[ContextRow],
    states: Rows[StateRow],
    parameters: Rows[ParameterRow],
    gaps: Bytes,
    samples: Rows[SampleRow],
    first: int,
) -> int:
    """Pass ``contexts`` in order; return how many rows of ``samples`` were written.

    ``gaps[symbol]`` is 1 while the symbol's next sample follows a pause; it outlives the batch.
    ``first`` is the ordinal of the first context. Call through ``FeaturePass``.
    """
    written = 0
    for i in range(len(contexts)):
        context = contexts[i]
        symbol = context.symbol
        state = states[symbol]
        if admit(context, state, parameters[symbol]) != 0:
            continue
        take_quote(context, state, parameters[symbol])
        before = state.sample_ns
        if sample(context, state, parameters[symbol]):
            _record(first + i, gaps[symbol], context, state, parameters[symbol], samples[written])
            gaps[symbol] = 0
            written += 1
        elif state.sample_ns != before:
            gaps[symbol] = 1
    return written


@compiled
def _record(
    ordinal: int,
    gap: int,
    context: ContextRow,
    state: StateRow,
    parameters: ParameterRow,
    row: SampleRow,
) -> None:
    """Write what is known at this sample."""
    row.symbol = context.symbol
    row.gap = gap
    row.context = ordinal
    row.samples = state.samples
    row.receive_ns = context.receive_ns
    row.mid = state.mid
    spread = (state.ask - state.bid) / state.mid
    row.cost_ratio = spread + 2.0 * (parameters.fee_ratio + parameters.slippage_ratio)
    for f in range(len(row.features)):
        row.features[f] = state.features[f]


_Run = Callable[[RowArray, RowArray, RowArray, Bytes, RowArray, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeaturePass:
    """The compiled feature pass of one build.

    Attributes:
        run: ``sample_rows``, compiled.
        build: Digest of its sources and of the compiler, 64 hex digits.
    """

    run: _Run
    build: str

    def begin(self, parameters: RowArray) -> Passing:
        """Return a pass over symbols of which nothing has been seen yet.

        Args:
            parameters: Shape (symbols,), dtype ``PARAMETERS``.

        Raises:
            KernelInputError: The array does not fit.
        """
        check_array("parameters", parameters, PARAMETERS)
        return Passing(run=self.run, parameters=parameters)


class Passing:
    """A feature pass under way: batches of contexts in, their samples out.

    Args:
        run: ``sample_rows``, compiled.
        parameters: Shape (symbols,), dtype ``PARAMETERS``.
    """

    def __init__(self, *, run: _Run, parameters: RowArray) -> None:
        self._run = run
        self._parameters = parameters
        self._states = np.zeros(len(parameters), STATE)
        self._gaps = np.ones(len(parameters), np.uint8)
        self._passed = 0

    def take(self, contexts: RowArray) -> RowArray:
        """Return the samples of ``contexts``: shape (samples,), dtype ``SAMPLE``.

        Args:
            contexts: Shape (n,), dtype ``CONTEXT``, following those of the call before.

        Raises:
            KernelInputError: The array does not fit; nothing was changed.
        """
        check_array("contexts", contexts, CONTEXT)
        check_indices("contexts.symbol", contexts["symbol"], len(self._parameters))
        samples = np.zeros(len(contexts), SAMPLE)
        written = self._run(
            contexts, self._states, self._parameters, self._gaps, samples, self._passed
        )
        self._passed += len(contexts)
        return samples[:written].copy()


def compiled_feature_pass(store: CodeStore | None) -> FeaturePass:
    """Return the compiled feature pass.

    Args:
        store: For compiled kernels of all builds; None keeps it in memory.
    """
    run = entry(sample_rows, _empty(), store)
    return FeaturePass(run=cast("_Run", run), build=build_of(sample_rows))


def feature_pass_is_kept(store: CodeStore) -> bool:
    """Return whether this build's machine code is in ``store`` already."""
    return is_kept(sample_rows, _empty(), store)


def _empty() -> tuple[RowArray, RowArray, RowArray, Bytes, RowArray, int]:
    """Return arguments without rows, of exactly the layout that ``Passing`` calls it with."""
    contexts, states, parameters, samples = (
        np.zeros(0, dtype) for dtype in (CONTEXT, STATE, PARAMETERS, SAMPLE)
    )
    return contexts, states, parameters, np.zeros(0, np.uint8), samples, 0
