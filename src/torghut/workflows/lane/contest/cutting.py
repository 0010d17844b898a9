"""Where the contexts of a log are cut to be decided: at a window's edges, and at records."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from torghut.workflows.lane.contest.reading import Piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Receive times from first to last, both in."""

    first_ns: int
    last_ns: int


@dataclass(slots=True, kw_only=True)
class Beginnings:
    """Where books are emptied: where the window begins, and wherever else is asked for.

    Attributes:
        due_ns: Receive times that are still to come, in order.
        inside: Whether the first of them has come.
    """

    due_ns: list[int]
    inside: bool = False

    def edges(self, piece: Piece) -> set[int]:
        """Return the rows of a piece at which one of them comes."""
        found = np.searchsorted(np.maximum.accumulate(piece.contexts["receive_ns"]), self.due_ns)
        return set(found.tolist())

    def come(self, piece: Piece, start: int) -> bool:
        """Say whether one comes, at latest, with a row; an empty rest begins nothing."""
        if start >= len(piece.contexts):
            return False
        now_ns = int(piece.contexts["receive_ns"][start])
        left = [due_ns for due_ns in self.due_ns if due_ns > now_ns]
        come = len(left) < len(self.due_ns)
        self.due_ns, self.inside = left, self.inside or come
        return come


def cuts(
    piece: Piece, window: Window, begins: Beginnings
) -> tuple[Sequence[tuple[int, int]], bool]:
    """Return the stretches of a piece decided at once, and whether the window ends in it.

    They lie between control records, beginnings and the window's end. The first context received
    after the window ends it, whatever comes later.
    """
    times, end = piece.contexts["receive_ns"], len(piece.contexts)
    edges = {0, end, *begins.edges(piece), *(one.row for one in piece.heeded)}
    beyond = np.flatnonzero(times > window.last_ns)
    last = int(beyond[0]) if len(beyond) else end
    places = sorted(edge for edge in {*edges, last} if edge <= last)
    return list(itertools.pairwise(places)), len(beyond) > 0
