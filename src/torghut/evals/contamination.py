"""Whether an evaluation is worth anything: nothing in it was seen before, and that was checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torghut.evals.fit_windows import WindowOverlap
from torghut.evals.lookahead import CANNOT_SEE, LookaheadReport
from torghut.schemas.rollout.evaluation import ContaminationVerdict
from torghut.schemas.rollout.gates import SHORT_OF


@dataclass(frozen=True, slots=True, kw_only=True)
class Contamination:
    """What was found, and what could not have been.

    Attributes:
        verdict: ``contaminated`` if anything was found; ``unchecked`` if nothing was but too
            little was looked at, which is no pass; else ``clean``.
        reason: A code; None for clean.
        leaks: Output fields that depend on what comes after them.
        overlaps: Packages that were fitted on time of the test.
        cuts: That could have shown a leak; None without a report.
        cannot_see: What no such check finds.
    """

    verdict: ContaminationVerdict
    reason: str | None
    leaks: tuple[str, ...]
    overlaps: tuple[WindowOverlap, ...]
    cuts: int | None
    cannot_see: tuple[str, ...] = CANNOT_SEE


def judge_contamination(
    report: LookaheadReport | None, overlaps: Sequence[WindowOverlap], *, cuts_min: int
) -> Contamination:
    """Return whether the evaluation is contaminated, as far as was looked.

    Args:
        report: Of the black-box tests on the candidate, None where they were not run.
        overlaps: Of the fit windows of all packages with the test, from ``fit_windows.overlaps``.
        cuts_min: Declared; with fewer telling cuts it is unchecked, whatever the report's own plan.
    """
    leaks = () if report is None else tuple(leak.field for leak in report.leaks)
    verdict, reason = _verdict(report, leaks, overlaps, cuts_min)
    return Contamination(
        verdict=verdict,
        reason=reason,
        leaks=leaks,
        overlaps=tuple(overlaps),
        cuts=None if report is None else report.cuts,
    )


def _verdict(
    report: LookaheadReport | None,
    leaks: Sequence[str],
    overlaps: Sequence[WindowOverlap],
    cuts_min: int,
) -> tuple[ContaminationVerdict, str | None]:
    """Return what was found, the worst first."""
    if leaks:
        return "contaminated", "looks-ahead"
    if overlaps:
        return "contaminated", "fitted-on-the-test"
    if report is None:
        return "unchecked", "not-checked"
    if not report.repeatable:
        return "unchecked", "does-not-repeat-itself"
    if report.cuts < cuts_min:
        return "unchecked", f"{SHORT_OF}{cuts_min}"
    return ("clean", None) if report.verdict == "clean" else ("unchecked", "undetermined")
