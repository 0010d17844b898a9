"""Machine code as bytes: an object file, and what must be known to call what is in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
import numpy.typing as npt

DOOR: Final = "torghut_door"
"""What an image is entered by; see ``compiling``."""

Leaf = npt.NDArray[np.void] | int
"""An argument in its parts; an array's type is looked at where it counts."""

_DIGEST: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineCode:
    """A compiled kernel.

    Attributes:
        image: An object file for one kind of processor, with ``DOOR`` in it.
        results: A letter for each result: ``q`` for an int64, ``d`` for a float64; all alike.
        alone: Whether there is one, returned as it is, or a tuple of them.
    """

    image: bytes
    results: str
    alone: bool


def leaves(arguments: Sequence[object]) -> Iterator[Leaf]:
    """Yield the arrays and integers among ``arguments``, those in tuples in their place."""
    for one in arguments:
        if isinstance(one, tuple):
            yield from leaves(one)
        else:
            yield cast("Leaf", one)


def spelled(arguments: Sequence[object]) -> str:
    """Return a text that is alike for, and only for, arguments of one layout.

    Example:
        >>> spelled((np.zeros(3), (np.zeros((2, 2), np.int64), 7)))
        "[('', '<f8')]1 [('', '<i8')]2 int"
    """
    return " ".join(
        f"{one.dtype.descr}{one.ndim}" if isinstance(one, np.ndarray) else "int"
        for one in leaves(arguments)
    )


def to_bytes(code: MachineCode) -> bytes:
    """Return ``code`` as a file holds it, its digest before it."""
    head = json.dumps({"alone": code.alone, "results": code.results}).encode()
    body = head + b"\n" + code.image
    return hashlib.sha256(body).hexdigest().encode() + body


def from_bytes(data: bytes) -> MachineCode | None:
    """Return the code that a file holds; None if it is not as it was written.

    Example:
        >>> code = MachineCode(image=b"object", results="qq", alone=False)
        >>> from_bytes(to_bytes(code)) == code
        True
        >>> from_bytes(to_bytes(code)[:-1]) is None
        True
    """
    digest, body = data[:_DIGEST], data[_DIGEST:]
    if hashlib.sha256(body).hexdigest().encode() != digest:
        return None
    head, _, image = body.partition(b"\n")
    try:
        described = json.loads(head)
    except (ValueError, RecursionError):
        return None
    match described:
        case {"results": str(results), "alone": bool(alone)} if _is_known(results, alone=alone):
            return MachineCode(image=image, results=results, alone=alone)
        case _:
            return None


def _is_known(results: str, *, alone: bool) -> bool:
    """Say whether those are letters of results: all alike, and one if it is alone."""
    alike = results in {letter * len(results) for letter in "qd"} and results != ""
    return alike and (len(results) == 1 or not alone)
