"""What compiled code needs of the arrays it is given, and cannot check itself."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from torghut.decisions.errors import KernelInputError
from torghut.schemas.rows import Bytes, Integers, RowArray


def check_array(
    name: str, array: RowArray | Bytes | Integers, dtype: npt.DTypeLike, least: int = 0
) -> None:
    """Refuse an array whose layout is not the kernel's, or that is too short.

    Raises:
        KernelInputError: The array does not fit.
    """
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


def check_indices(
    name: str, values: npt.NDArray[np.uint32] | npt.NDArray[np.uint16], bound: int
) -> None:
    """Refuse an index that no row answers to.

    Raises:
        KernelInputError: An index is ``bound`` or above.
    """
    if len(values) and int(values.max()) >= bound:
        found = str(int(values.max()))
        raise KernelInputError(array=name, expected=f"indices below {bound}", found=found)
