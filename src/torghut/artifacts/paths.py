"""Which relative paths stay below a root, whatever stands there."""

from __future__ import annotations

from typing import Final

_REFUSED: Final = frozenset({"", ".", ".."})


def stays_below(path: str) -> bool:
    """Say whether ``path`` names a place below any root it is put behind.

    Example:
        >>> stays_below("runs/r1/report.json"), stays_below("../report.json"), stays_below("/etc")
        (True, False, False)
    """
    plain = path.isprintable() and "\\" not in path
    return plain and _REFUSED.isdisjoint(path.split("/"))
