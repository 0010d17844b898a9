"""Checks the decision kernel for look-ahead on the contexts of a source."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.evals.boundaries import session_boundaries
from torghut.evals.errors import NothingToCheckError
from torghut.evals.fit_windows import FitWindow, WindowOverlap, overlaps
from torghut.evals.lookahead import (
    Answers,
    Decide,
    LookaheadPlan,
    LookaheadReport,
    check_lookahead,
)
from torghut.kernel.ids import SERVING
from torghut.market.ports import Cursor, Source
from torghut.router.package import RegimeModel
from torghut.schemas.rows import CONTEXT, DECISION, Integers

RowArray = npt.NDArray[np.void]

_RECORDS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelUnderTest:
    """What decides, newborn at every call.

    Attributes:
        kernel: Compiled, or the reference.
        declarations: In force throughout.
        packages: The regime model of each router name; names without one are left out.
    """

    kernel: DecisionKernel
    declarations: Declarations
    packages: Mapping[str, RegimeModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSource:
    """What a check found.

    Attributes:
        report: Of the black-box tests.
        overlaps: Packages that were fitted on time that the checked contexts cover.
        first_ns: Receive time of the earliest context.
        last_ns: Receive time of the latest.
    """

    report: LookaheadReport
    overlaps: tuple[WindowOverlap, ...]
    first_ns: int
    last_ns: int


def check_source(
    source: Source,
    tested: KernelUnderTest,
    plan: LookaheadPlan,
    *,
    contexts_max: int,
    progress: Callable[[int, int], None] | None = None,
) -> CheckedSource:
    """Return whether the kernel looks ahead on the first ``contexts_max`` contexts of ``source``.

    Control records are left out: they are input too, and would only be cut with it.

    Raises:
        NothingToCheckError: The source holds not even two contexts.
        SourceError: The source cannot be read.
    """
    contexts = _first_contexts(source, contexts_max)
    fold = _newborn(source, tested, contexts)
    parameters, sessions = fold.tables.parameters, fold.tables.sessions
    opens = [
        sessions["open_ns"][int(row["session_first"]) :][: int(row["session_count"])]
        for row in parameters
    ]
    report = check_lookahead(
        _decider(fold),
        contexts,
        plan,
        boundaries=session_boundaries(contexts, opens),
        progress=progress,
    )
    first_ns, last_ns = int(contexts["receive_ns"].min()), int(contexts["receive_ns"].max())
    return CheckedSource(
        report=report,
        overlaps=overlaps(_windows(fold), first_ns=first_ns, last_ns=last_ns),
        first_ns=first_ns,
        last_ns=last_ns,
    )


def _first_contexts(source: Source, contexts_max: int) -> RowArray:
    """Return the first contexts of ``source``, numbered as the source numbers them."""
    found: list[RowArray] = [np.zeros(0, CONTEXT)]
    count = 0
    for batch in source.batches(after=Cursor(), max_records=_RECORDS_MAX):
        found.append(batch.contexts[: contexts_max - count].copy())
        count += len(found[-1])
        if count >= contexts_max:
            break
    contexts = np.concatenate(found)
    if len(contexts) == 0:
        raise NothingToCheckError(contexts=0)
    return contexts


def _newborn(source: Source, tested: KernelUnderTest, contexts: RowArray) -> DecisionFold:
    """Return a fold in which the symbols that occur are born, numbered as in ``contexts``.

    Renumbers ``contexts`` in place: a fold numbers symbols in the order they are born.
    """
    description = source.description
    fold = DecisionFold(
        kernel=tested.kernel,
        genesis=Genesis(
            declarations=tested.declarations,
            packages={name: model.digest for name, model in tested.packages.items()},
        ),
        packages={model.digest: model for model in tested.packages.values()},
    )
    for part in description.parts:
        fold.source_index(part.digest)
    numbers: Integers = np.zeros(len(description.symbols), np.int64)
    for place in np.unique(contexts["symbol"]).tolist():
        numbers[place] = fold.symbol_index(description.symbols[place])
    contexts["symbol"] = numbers[contexts["symbol"]]
    parts = np.array([fold.source_index(part.digest) for part in description.parts], np.int64)
    contexts["source"] = parts[contexts["source"]]
    return fold


def _decider(fold: DecisionFold) -> Decide:
    """Return what decides contexts from birth, as ``fold`` would."""
    born, tables, kernel = fold.arms[SERVING], fold.tables, fold.kernel

    def decide(contexts: RowArray) -> Answers:
        decisions = np.zeros(len(contexts), DECISION)
        outcomes = np.zeros(len(contexts), np.uint8)
        _, written = kernel.decide(contexts, born.copy(), tables, decisions, outcomes)
        return Answers(rows=decisions[:written], outcomes=outcomes)

    return decide


def _windows(fold: DecisionFold) -> Sequence[FitWindow]:
    """Return the fit windows of the packages that serve a symbol of ``fold``."""
    serving = {facts.package for facts in fold.symbols if facts.package}
    models = [fold.packages[digest] for digest in sorted(serving)]
    return [
        FitWindow(
            package=f"{model.name}@{model.digest}", first_ns=model.start_ns, last_ns=model.end_ns
        )
        for model in models
    ]
