"""The oracle: the kernel's own functions interpreted, over rows as plain Python objects.

Floats are Python's, so a division by zero raises here where compiled code would go on with an
infinity: the kernel must never need one. Unsigned 64-bit words stay numpy's, to wrap alike.
"""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Generic, TypeVar, cast

import numpy as np
import numpy.typing as npt

from torghut.decisions.kernel.deciding import decide_rows
from torghut.schemas.rows import (
    ContextRow,
    DecisionRow,
    Integers,
    ParameterRow,
    RowArray,
    SessionRow,
    SourceRow,
    StateRow,
)

T = TypeVar("T")


def decide_interpreted(  # noqa: PLR0913, PLR0917 - the kernel's own parameters
    contexts: RowArray,
    states: RowArray,
    parameters: RowArray,
    sources: RowArray,
    sessions: RowArray,
    due_ns: Integers,
    decisions: RowArray,
    outcomes: npt.NDArray[np.uint8],
    role: int,
) -> tuple[int, int]:
    """Do what ``decide_rows`` does, in plain Python; arguments and result are the same."""
    state_rows = _Objects[StateRow](states)
    decision_rows = _Objects[DecisionRow](decisions)
    done = decide_rows(
        _Objects[ContextRow](contexts),
        state_rows,
        _Objects[ParameterRow](parameters),
        _Objects[SourceRow](sources),
        _Objects[SessionRow](sessions),
        due_ns,
        decision_rows,
        outcomes,
        role,
    )
    state_rows.write_back()
    decision_rows.write_back()
    return done


class _Objects(Generic[T]):
    """An array of rows whose elements are objects, made on first use and written back at the end.

    Args:
        array: Shape (n,), a packed structured dtype.
    """

    def __init__(self, array: RowArray) -> None:
        self._array = array
        self._made: dict[int, T] = {}

    def __len__(self) -> int:
        return len(self._array)

    def __getitem__(self, index: int, /) -> T:
        row = self._made.get(int(index))
        if row is None:
            row = self._made[int(index)] = cast("T", _object(self._array[index]))
        return row

    def __setitem__(self, index: int, row: T, /) -> None:
        """Let a row be as another is, and change without it."""
        self._made[int(index)] = copy.deepcopy(row)

    def write_back(self) -> None:
        """Copy every object that was made into its row."""
        names = self._array.dtype.names or ()
        for index, row in self._made.items():
            self._array[index] = tuple(getattr(row, name) for name in names)


def _object(row: np.void) -> SimpleNamespace:
    """Return the fields of ``row`` as attributes."""
    fields = SimpleNamespace()
    for name in row.dtype.names or ():
        setattr(fields, name, _value(row[name]))
    return fields


def _value(value: object) -> object:
    """Return a field as Python floats and integers, but words as numpy words."""
    if isinstance(value, np.ndarray):
        return list(value) if value.dtype == np.uint64 else value.tolist()
    return value if isinstance(value, np.uint64) else cast("np.float64", value).item()
