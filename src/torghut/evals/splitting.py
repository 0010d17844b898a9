"""A window cut by time into fit, embargo, select, embargo and test; chance has no part in it."""

from __future__ import annotations

from dataclasses import dataclass

from torghut.evals.errors import WindowNotSplitError
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.rollout.evaluation import SplitPolicy
from torghut.schemas.rollout.evaluation import EvaluationWindows, TimeSpan


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Recorded time from first to last, both in, by the receive clock, and what labels look at.

    Attributes:
        first_ns: Receive time of the first context.
        last_ns: Of the last.
        horizon_ns: The longest label horizon of the symbols in it.
    """

    first_ns: int
    last_ns: int
    horizon_ns: int


def embargo_ns(policy: SplitPolicy, horizon_ns: int) -> int:
    """Return how long nothing is used between two pieces: as declared, and never below a horizon.

    A label that begins in one piece then ends before the next begins (purging and embargo: Lopez
    de Prado, Advances in Financial Machine Learning, 2018, chapter 7).
    """
    return max(policy.embargo_ms * NS_PER_MS, horizon_ns)


def split_window(window: Window, policy: SplitPolicy) -> EvaluationWindows:
    """Return the pieces of ``window``, in the order of time, with an embargo between them.

    The two embargoes are taken off first; fit, select and test share the rest by their ratios.
    The test is the newest piece and ends where the window does.

    Raises:
        WindowNotSplitError: The window is shorter than its embargoes and three pieces.
    """
    apart = embargo_ns(policy, window.horizon_ns)
    total = window.last_ns - window.first_ns + 1
    usable = total - 2 * apart
    fit, select = (int(ratio * usable) for ratio in (policy.fit_ratio, policy.select_ratio))
    if min(fit, select, usable - fit - select) < 1 or window.horizon_ns < 0:
        raise WindowNotSplitError(
            what="window",
            expected=f"more than two embargoes of {apart} ns",
            found=f"{max(0, total)} ns",
        )
    select_first = window.first_ns + fit + apart
    test_first = select_first + select + apart
    return EvaluationWindows(
        fit=TimeSpan(first_ns=window.first_ns, last_ns=window.first_ns + fit - 1),
        select=TimeSpan(first_ns=select_first, last_ns=select_first + select - 1),
        test=TimeSpan(first_ns=test_first, last_ns=window.last_ns),
        embargo_ns=apart,
    )
