"""The one door to the decision kernel: it checks the arrays, because the kernel cannot.

Compiled code reads past the end of an array without a word. It cannot happen behind this door.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from torghut.decisions.kernel.arrays import check_array, check_indices
from torghut.decisions.kernel.deciding import (
    FOLLOWING,
    KERNEL_VERSION,
    LEADING,
    RESOLVING,
    decide_rows,
)
from torghut.decisions.kernel.reference import decide_interpreted
from torghut.kernel.native.loading import build_of, entry, is_kept
from torghut.kernel.native.ports import CodeStore
from torghut.schemas.codes import ReasoningMode
from torghut.schemas.rows import (
    CONTEXT,
    DECISION,
    PARAMETERS,
    SESSION,
    SOURCE,
    STATE,
    Bytes,
    Integers,
    RowArray,
)

Run = Callable[
    [RowArray, RowArray, RowArray, RowArray, RowArray, Integers, RowArray, Bytes, int],
    tuple[int, int],
]

_OUTCOME: Final = np.dtype(np.uint8)
_DUE: Final = np.dtype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """What every batch of a run shares: one row a symbol, a source and a session.

    Attributes:
        parameters: Shape (symbols,), dtype ``PARAMETERS``.
        sources: Shape (parts,), dtype ``SOURCE``.
        sessions: Shape (openings of all calendars,), dtype ``SESSION``.
        due_ns: Shape (symbols,), int64: the receive time from which on the kernel stops before
            a symbol's context, because a control record applies there; 0 where none waits.
    """

    parameters: RowArray
    sources: RowArray
    sessions: RowArray
    due_ns: Integers

    def __post_init__(self) -> None:
        """Refuse tables that the kernel cannot read; they are not looked at again."""
        check_array("parameters", self.parameters, PARAMETERS)
        check_array("sources", self.sources, SOURCE)
        check_array("sessions", self.sessions, SESSION)
        check_array("due_ns", self.due_ns, _DUE, len(self.parameters))


def empty_tables() -> Tables:
    """Return the tables of a run that knows no symbol yet."""
    return Tables(
        parameters=np.zeros(0, PARAMETERS),
        sources=np.zeros(0, SOURCE),
        sessions=np.zeros(0, SESSION),
        due_ns=np.zeros(0, _DUE),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionKernel:
    """The decision kernel of one build.

    Attributes:
        run: ``decide_rows``, compiled or interpreted.
        build: Digest of its sources and of the compiler, 64 hex digits.
        version: ``KERNEL_VERSION`` of that build.
    """

    run: Run
    build: str
    version: int = KERNEL_VERSION

    def decide(
        self,
        contexts: RowArray,
        states: RowArray,
        tables: Tables,
        decisions: RowArray,
        outcomes: Bytes,
        *,
        follows: bool = False,
    ) -> tuple[int, int]:
        """Decide ``contexts`` in order; return how many were taken and how many rows written.

        Fewer are taken than there are where a control record has its place: before the first
        one not taken. There is a row of each that was not refused: of one that waits for advice,
        with what was known then; and that row before its own of one beside which advice is asked.

        Args:
            contexts: Shape (n,), dtype ``CONTEXT``.
            states: Shape (symbols,), dtype ``STATE``; changed in place.
            tables: What all batches share.
            decisions: Shape (>= n,), or (>= 2n,) where a symbol's advice is asked beside its
                decisions; dtype ``DECISION``; filled from the front.
            outcomes: Shape (>= n,), uint8; the refusal code of each context, 0 if decided, 255 if
                it waits for advice, 254 if it was decided and advice is asked beside it.
            follows: Whether those wait that ``outcomes`` says, instead of those that ask.

        Raises:
            KernelInputError: An array does not fit; nothing was changed.
        """
        role = FOLLOWING if follows else LEADING
        return self._run_as(role, contexts, states, tables, decisions, outcomes)

    def resolve(
        self, symbol: int, now_ns: int, states: RowArray, tables: Tables, decisions: RowArray
    ) -> None:
        """Decide the pending context of ``symbol``, of which there is one, into the first row.

        Args:
            symbol: Its number.
            now_ns: On the receive clock.
            states: As of ``decide``.
            tables: As of ``decide``.
            decisions: Shape (>= 1,), dtype ``DECISION``.

        Raises:
            KernelInputError: An array does not fit; nothing was changed.
        """
        named = np.zeros(1, CONTEXT)
        named["symbol"], named["receive_ns"] = symbol, now_ns
        outcomes = np.zeros(1, _OUTCOME)
        self._run_as(RESOLVING, named, states, tables, decisions, outcomes)

    def _run_as(
        self,
        role: int,
        contexts: RowArray,
        states: RowArray,
        tables: Tables,
        decisions: RowArray,
        outcomes: Bytes,
    ) -> tuple[int, int]:
        """Check the arrays, and run the kernel in one of its roles."""
        check_array("contexts", contexts, CONTEXT)
        check_array("states", states, STATE, len(tables.parameters))
        most = len(contexts)
        if role == LEADING and len(decisions) < 2 * most and _asks_beside(states):
            most *= 2
        check_array("decisions", decisions, DECISION, most)
        check_array("outcomes", outcomes, _OUTCOME, len(contexts))
        taken, written = self.run(
            contexts,
            states,
            tables.parameters,
            tables.sources,
            tables.sessions,
            tables.due_ns,
            decisions,
            outcomes,
            role,
        )
        if taken < 0:
            check_indices("contexts.symbol", contexts["symbol"], len(tables.parameters))
            check_indices("contexts.source", contexts["source"], len(tables.sources))
        return taken, written


def _asks_beside(states: RowArray) -> bool:
    """Return whether any symbol is in shadow mode."""
    return bool((states["reasoning_mode"] == ReasoningMode.SHADOW).any())


def compiled_kernel(store: CodeStore | None) -> DecisionKernel:
    """Return the compiled kernel.

    Args:
        store: For compiled kernels of all builds; None keeps it in memory.
    """
    run = entry(decide_rows, _empty(), store)
    return DecisionKernel(run=cast("Run", run), build=build_of(decide_rows))


def kernel_is_kept(store: CodeStore) -> bool:
    """Return whether this build's machine code is in ``store`` already."""
    return is_kept(decide_rows, _empty(), store)


def reference_kernel() -> DecisionKernel:
    """Return the same kernel as plain Python, the oracle; some hundred times slower."""
    return DecisionKernel(run=decide_interpreted, build=build_of(decide_rows))


def _empty() -> tuple[
    RowArray, RowArray, RowArray, RowArray, RowArray, Integers, RowArray, Bytes, int
]:
    """Return arguments without rows, of exactly the layout that ``decide`` lets through."""
    rows = [np.zeros(0, d) for d in (CONTEXT, STATE, PARAMETERS, SOURCE, SESSION)]
    ends = (np.zeros(0, _DUE), np.zeros(0, DECISION), np.zeros(0, _OUTCOME), LEADING)
    return (*rows, *ends)  # type: ignore[return-value]
