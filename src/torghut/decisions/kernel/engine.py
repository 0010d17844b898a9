"""The one door to the decision kernel: it checks the arrays, because the kernel cannot.

Compiled code reads past the end of an array without a word, and compiles itself anew, in the
middle of a run, for an array of another layout. Neither can happen behind this door.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, cast

import numpy as np
import numpy.typing as npt

from torghut.decisions.errors import KernelInputError
from torghut.decisions.kernel.deciding import KERNEL_VERSION, decide_rows
from torghut.decisions.kernel.reference import decide_interpreted
from torghut.kernel.compiled import build_digest, build_folder, entry
from torghut.schemas.rows import CONTEXT, DECISION, PARAMETERS, SESSION, SOURCE, STATE, Integers

RowArray = npt.NDArray[np.void]
Outcomes = npt.NDArray[np.uint8]
Run = Callable[
    [RowArray, RowArray, RowArray, RowArray, RowArray, Integers, RowArray, Outcomes],
    tuple[int, int],
]

_OUTCOME: Final = np.dtype(np.uint8)
_DUE: Final = np.dtype(np.int64)


class _Compiler(Protocol):
    """The part of a numba dispatcher that ends compilation."""

    def disable_compile(self) -> None: ...


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
        _check("parameters", self.parameters, PARAMETERS)
        _check("sources", self.sources, SOURCE)
        _check("sessions", self.sessions, SESSION)
        _check("due_ns", self.due_ns, _DUE, len(self.parameters))


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
        outcomes: Outcomes,
    ) -> tuple[int, int]:
        """Decide ``contexts`` in order; return how many were taken and how many decided.

        Fewer are taken than there are where a control record has its place: before the first
        one not taken.

        Args:
            contexts: Shape (n,), dtype ``CONTEXT``.
            states: Shape (symbols,), dtype ``STATE``; changed in place.
            tables: What all batches share.
            decisions: Shape (>= n,), dtype ``DECISION``; filled from the front.
            outcomes: Shape (>= n,), uint8; the refusal code of each context, 0 if decided.

        Raises:
            KernelInputError: An array does not fit; nothing was changed.
        """
        _check("contexts", contexts, CONTEXT)
        _check("states", states, STATE, len(tables.parameters))
        _check("decisions", decisions, DECISION, len(contexts))
        _check("outcomes", outcomes, _OUTCOME, len(contexts))
        taken, written = self.run(
            contexts,
            states,
            tables.parameters,
            tables.sources,
            tables.sessions,
            tables.due_ns,
            decisions,
            outcomes,
        )
        if taken < 0:
            _refuse_index("contexts.symbol", contexts["symbol"], len(tables.parameters))
            _refuse_index("contexts.source", contexts["source"], len(tables.sources))
        return taken, written


def compiled_kernel(cache_root: Path | None) -> DecisionKernel:
    """Return the compiled kernel, warmed up; it will not compile again.

    Args:
        cache_root: Folder for compiled kernels of all builds; None keeps it in memory.
    """
    run = entry(decide_rows, cache_root)
    run(*_empty())
    cast("_Compiler", run).disable_compile()
    return DecisionKernel(run=cast("Run", run), build=build_digest(decide_rows))


def kernel_is_cached(cache_root: Path) -> bool:
    """Return whether this build's machine code is below ``cache_root`` already."""
    return any(build_folder(decide_rows, cache_root).rglob("*.nbi"))


def reference_kernel() -> DecisionKernel:
    """Return the same kernel as plain Python, the oracle; some hundred times slower."""
    return DecisionKernel(run=decide_interpreted, build=build_digest(decide_rows))


def _empty() -> tuple[
    RowArray, RowArray, RowArray, RowArray, RowArray, Integers, RowArray, Outcomes
]:
    """Return arguments without rows, of exactly the layout that ``decide`` lets through."""
    rows = [np.zeros(0, d) for d in (CONTEXT, STATE, PARAMETERS, SOURCE, SESSION)]
    return (*rows, np.zeros(0, _DUE), np.zeros(0, DECISION), np.zeros(0, _OUTCOME))  # type: ignore[return-value]


def _check(
    name: str, array: RowArray | Outcomes | Integers, dtype: npt.DTypeLike, least: int = 0
) -> None:
    """Refuse an array whose layout would compile a second kernel, or that is too short."""
    # Almost always the very same dtype; to compare two layouts field by field takes microseconds.
    if (array.dtype is not dtype and array.dtype != dtype) or array.ndim != 1:
        found = f"{array.ndim} dimensions of {array.dtype}"
        raise KernelInputError(array=name, expected=f"one dimension of {dtype}", found=found)
    flags = array.flags
    if not (flags.c_contiguous and flags.writeable):
        found = "contiguous" if flags.c_contiguous else "strided"
        found += ", writable" if flags.writeable else ", read-only"
        raise KernelInputError(array=name, expected="contiguous and writable", found=found)
    if len(array) < least:
        expected = f"at least {least} rows"
        raise KernelInputError(array=name, expected=expected, found=f"{len(array)} rows")


def _refuse_index(
    name: str, values: npt.NDArray[np.uint32] | npt.NDArray[np.uint16], bound: int
) -> None:
    """Refuse an index that no row answers to."""
    if int(values.max()) >= bound:
        found = str(int(values.max()))
        raise KernelInputError(array=name, expected=f"indices below {bound}", found=found)
