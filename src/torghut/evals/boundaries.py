"""Where something new begins in a stream of contexts: a session, or a day where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.schemas.rows import Integers

_DAY_NS: Final = 86_400_000_000_000


def session_boundaries(
    contexts: npt.NDArray[np.void], opens_ns: Sequence[Integers]
) -> Sequence[int]:
    """Return the contexts that are the first of their symbol in a session, in order.

    Args:
        contexts: Dtype ``CONTEXT``.
        opens_ns: When each symbol's sessions open, rising; a symbol without sessions begins anew
            with each day of UTC.
    """
    found: list[int] = []
    for symbol, opens in enumerate(opens_ns):
        own = np.flatnonzero(contexts["symbol"] == symbol)
        times = contexts["receive_ns"][own]
        session = np.searchsorted(opens, times, side="right") if len(opens) else times // _DAY_NS
        found += own[1:][np.diff(session) != 0].tolist()
    return sorted(found)
