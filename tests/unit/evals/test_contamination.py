"""Clean is said only after looking hard enough; what was not checked is no pass."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from torghut.evals.contamination import judge_contamination
from torghut.evals.fit_windows import WindowOverlap
from torghut.evals.lookahead import CANNOT_SEE, FieldLeak, LookaheadReport, Verdict

LEAK = FieldLeak(field="target", first_cut=9, context=8, cuts=3, tests=("ends",))
OVERLAP = WindowOverlap(package="fx@1", first_ns=5, last_ns=9)


def report(
    verdict: Verdict = "clean",
    cuts: int = 30,
    leaks: Sequence[FieldLeak] = (),
    *,
    same: bool = True,
) -> LookaheadReport:
    """Return what a look-ahead check found."""
    return LookaheadReport(
        verdict=verdict,
        cuts=cuts,
        cuts_tried=70,
        contexts=500,
        decided=400,
        repeatable=same,
        leaks=tuple(leaks),
    )


def test_nothing_found_by_enough_cuts_is_clean() -> None:
    found = judge_contamination(report(), (), cuts_min=30)

    assert (found.verdict, found.reason, found.cuts) == ("clean", None, 30)
    assert found.cannot_see == CANNOT_SEE


@pytest.mark.parametrize(
    ("given", "overlaps", "verdict", "reason"),
    [
        (None, (), "unchecked", "not-checked"),
        (report(cuts=29), (), "unchecked", "n-below-30"),
        (report("undetermined"), (), "unchecked", "undetermined"),
        (report("undetermined", same=False), (), "unchecked", "does-not-repeat-itself"),
        (report("leak", leaks=[LEAK]), (), "contaminated", "looks-ahead"),
        (report("leak", cuts=3, leaks=[LEAK]), (), "contaminated", "looks-ahead"),
        (report(), (OVERLAP,), "contaminated", "fitted-on-the-test"),
        (None, (OVERLAP,), "contaminated", "fitted-on-the-test"),
    ],
)
def test_all_else_is_contaminated_or_unchecked(
    given: LookaheadReport | None,
    overlaps: Sequence[WindowOverlap],
    verdict: str,
    reason: str,
) -> None:
    found = judge_contamination(given, overlaps, cuts_min=30)

    assert (found.verdict, found.reason) == (verdict, reason)


def test_report_of_a_laxer_plan_does_not_count_as_checked() -> None:
    assert judge_contamination(report(cuts=12), (), cuts_min=30).verdict == "unchecked"
