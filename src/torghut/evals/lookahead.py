"""Look-ahead as a black box shows it: does anything decided before a cut depend on what follows?

Two tests at every cut. The input ends there: nothing decided before may change. Or another future
follows: nothing decided before may change either. The decider is only ever called, never read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from torghut.evals.errors import AnswersMisalignedError, NothingToCheckError
from torghut.evals.leaks.futures import Future, other_future
from torghut.schemas.rows import RowArray

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Verdict = Literal["clean", "leak", "undetermined"]

OUTCOME: Final = "outcome"
"""Named beside the fields of the rows: whether a context was decided, or why it was refused."""

CANNOT_SEE: Final = (
    "the window that a package was fitted on: compare it with the source's span instead",
    "labels whose horizons overlap, and everything else that happened while fitting",
    "figures that were revised later, where the source does not carry the time of the revision",
    "what a language model remembers of the time that is decided",
    "instruments, features and limits that people chose knowing how it ended",
    "a leak that shows only in contexts or at cuts that were not checked",
)
"""What no test of this kind can find, whatever its verdict."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a decider made of n contexts.

    Attributes:
        rows: One for each context decided, in their order; any structured dtype.
        outcomes: Shape (n,), uint8: 0 where decided, else the refusal code.
    """

    rows: RowArray
    outcomes: npt.NDArray[np.uint8]


Decide = Callable[[RowArray], Answers]
"""Decides contexts from the beginning, remembering nothing of an earlier call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookaheadPlan:
    """How hard to look.

    Attributes:
        seed: Of the random cuts and of the other futures.
        random_cuts: How many cuts fall anywhere.
        boundary_cuts_max: How many cuts fall on boundaries such as a session's opening.
        cuts_min: With fewer cuts that could have shown something the verdict is undetermined.
    """

    seed: int = 20
    random_cuts: int = 50
    boundary_cuts_max: int = 20
    cuts_min: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLeak:
    """One output field that depends on what comes after it.

    Attributes:
        field: Of the row, or ``OUTCOME``.
        first_cut: The first cut at which it changed, in contexts from the beginning.
        context: The first context whose field changed there; before ``first_cut``.
        cuts: At how many cuts it changed.
        tests: Which tests saw it: ``ends``, and the other futures by name; sorted.
    """

    field: str
    first_cut: int
    context: int
    cuts: int
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LookaheadReport:
    """What was looked for and found.

    Attributes:
        verdict: ``leak`` if anything changed. ``undetermined`` if nothing did but the decider does
            not repeat itself, or too few cuts could have shown it.
        cuts: Cuts that could have shown a leak: something was decided before, and what was decided
            after did change with the future.
        cuts_tried: All cuts.
        contexts: Checked.
        decided: Of them.
        repeatable: Whether the same contexts gave the same answers twice.
        leaks: By field; empty unless the verdict is ``leak``.
        cannot_see: ``CANNOT_SEE``.
    """

    verdict: Verdict
    cuts: int
    cuts_tried: int
    contexts: int
    decided: int
    repeatable: bool
    leaks: tuple[FieldLeak, ...]
    cannot_see: tuple[str, ...] = CANNOT_SEE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A field that changed before a cut."""

    field: str
    cut: int
    context: int
    test: str


def check_lookahead(
    decide: Decide,
    contexts: RowArray,
    plan: LookaheadPlan,
    *,
    boundaries: Sequence[int] = (),
    progress: Callable[[int, int], None] | None = None,
) -> LookaheadReport:
    """Return whether ``decide`` looks ahead on ``contexts``, as far as two black-box tests show.

    Args:
        decide: Called about twice for every cut.
        contexts: Dtype ``CONTEXT``, in the order they arrived.
        plan: Declared.
        boundaries: Contexts that begin something new, such as a session; cut there too.
        progress: Told after every cut how many are done, and of how many.

    Raises:
        NothingToCheckError: There are not even two contexts.
        AnswersMisalignedError: ``decide`` does not answer every context once.
    """
    if len(contexts) < 2:  # noqa: PLR2004 - a cut has a before and an after
        raise NothingToCheckError(contexts=len(contexts))
    whole = _answers(decide, contexts)
    repeatable = not any(_compare(whole, _answers(decide, contexts), len(contexts), "again"))
    generator = np.random.Generator(np.random.PCG64(plan.seed))
    cuts = _cuts(len(contexts), boundaries, plan, generator)
    changes: list[_Change] = []
    telling = 0
    for done, cut in enumerate(cuts, start=1):
        future = list(Future)[done % len(Future)]
        other = _answers(decide, other_future(contexts, cut, future, generator))
        changes += _compare(whole, _answers(decide, contexts[:cut].copy()), cut, "ends")
        changes += _compare(whole, other, cut, future)
        telling += _could_tell(whole, other, cut)
        if progress is not None:
            progress(done, len(cuts))
    leaks = tuple(_by_field(changes)) if repeatable else ()
    return LookaheadReport(
        verdict=_verdict(leaks, repeatable, enough=telling >= plan.cuts_min),
        cuts=telling,
        cuts_tried=len(cuts),
        contexts=len(contexts),
        decided=len(whole.rows),
        repeatable=repeatable,
        leaks=leaks,
    )


def _verdict(leaks: Sequence[FieldLeak], repeatable: bool, *, enough: bool) -> Verdict:  # noqa: FBT001
    """Return what the findings mean."""
    if leaks:
        return "leak"
    return "clean" if repeatable and enough else "undetermined"


def _answers(decide: Decide, contexts: RowArray) -> Answers:
    """Return the answers to a copy of ``contexts``, copied, so that no buffer is shared."""
    given = decide(contexts.copy())
    answers = Answers(rows=given.rows.copy(), outcomes=given.outcomes.copy())
    if len(answers.outcomes) != len(contexts):
        raise AnswersMisalignedError(
            what="outcomes", expected=len(contexts), found=len(answers.outcomes)
        )
    decided = int((answers.outcomes == 0).sum())
    if len(answers.rows) != decided:
        raise AnswersMisalignedError(what="rows", expected=decided, found=len(answers.rows))
    return answers


def _cuts(
    contexts: int, boundaries: Sequence[int], plan: LookaheadPlan, generator: np.random.Generator
) -> Sequence[int]:
    """Return where to cut: anywhere, before the first context of a boundary, and after it."""
    count = min(plan.random_cuts, contexts - 1)
    random = 1 + generator.choice(contexts - 1, size=count, replace=False)
    edges = sorted({edge for one in boundaries for edge in (one, one + 1) if 0 < edge < contexts})
    if len(edges) > plan.boundary_cuts_max:
        places = np.linspace(0, len(edges) - 1, plan.boundary_cuts_max).astype(np.intp)
        edges = [edges[place] for place in places.tolist()]
    return sorted({*random.tolist(), *edges})


def _compare(whole: Answers, other: Answers, cut: int, test: str) -> Iterator[_Change]:
    """Yield the fields that differ in what was decided on the first ``cut`` contexts."""
    expected, found = whole.outcomes[:cut], other.outcomes[:cut]
    if not np.array_equal(expected, found):
        yield _Change(field=OUTCOME, cut=cut, context=_first(expected != found), test=test)
    both = (expected == 0) & (found == 0)
    one = whole.rows[np.flatnonzero(both[expected == 0])]
    two = other.rows[np.flatnonzero(both[found == 0])]
    if _bytes(one).tobytes() == _bytes(two).tobytes():
        return
    places = np.flatnonzero(both)
    for name in one.dtype.names or ():
        differs = (_bytes(one[name]) != _bytes(two[name])).any(axis=1)
        if differs.any():
            context = int(places[_first(differs)])
            yield _Change(field=name, cut=cut, context=context, test=test)


def _could_tell(whole: Answers, other: Answers, cut: int) -> bool:
    """Return whether a leak could have shown: decided before, and changed with the future after."""
    before = int((whole.outcomes[:cut] == 0).sum())
    if before == 0:
        return False
    if not np.array_equal(whole.outcomes[cut:], other.outcomes[cut:]):
        return True
    after = int((other.outcomes[:cut] == 0).sum())
    return _bytes(whole.rows[before:]).tobytes() != _bytes(other.rows[after:]).tobytes()


def _bytes(values: npt.NDArray[np.void]) -> npt.NDArray[np.uint8]:
    """Return each element's bytes as a row: equal bytes are equal values, NaN included."""
    flat = np.ascontiguousarray(values)
    return flat.view(np.uint8).reshape(len(flat), -1) if len(flat) else np.zeros((0, 1), np.uint8)


def _first(flags: Flags) -> int:
    """Return the place of the first true flag; there must be one."""
    return int(np.argmax(flags))


def _by_field(changes: Sequence[_Change]) -> Iterator[FieldLeak]:
    """Yield one finding for each field that changed, the first cut first."""
    fields: Mapping[str, list[_Change]] = {one.field: [] for one in changes}
    for one in changes:
        fields[one.field].append(one)
    for name, seen in sorted(fields.items(), key=lambda item: (item[1][0].cut, item[0])):
        first = min(seen, key=lambda one: (one.cut, one.context))
        yield FieldLeak(
            field=name,
            first_cut=first.cut,
            context=first.context,
            cuts=len({one.cut for one in seen}),
            tests=tuple(sorted({one.test for one in seen})),
        )
