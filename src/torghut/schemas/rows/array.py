"""How the kernel sees arrays: rows of packed fields, and vectors inside a row."""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")

Floats = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
RowArray = npt.NDArray[np.void]
"""An array of packed rows, as numpy sees it."""


class Rows(Protocol, Generic[T]):
    """An array of packed rows, as the kernel sees it."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> T: ...
    def __setitem__(self, index: int, row: T, /) -> None: ...
