"""At which time a person may look at the ladder: now, and never again at what is over."""

from __future__ import annotations

from torghut.governance.exposure.errors import ReviewTimeError
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.declarations.staging.ladder import ClimbingRule


def time_by_hand(
    asked_ns: int | None, *, now_ns: int, read_ns: int, last_ns: int, rule: ClimbingRule
) -> int:
    """Return the time of a look, receive clock.

    Where nobody asks for another, it is that of the newest latency reading: what became durable
    after it was not seen yet, and would count as slow. Without one, or long after it, it is now.

    Args:
        asked_ns: By the person who looks.
        now_ns: Wall time.
        read_ns: Of the newest latency reading; 0 without one.
        last_ns: Of the last look; 0 before any.
        rule: Says how long a window counts that is over.

    Raises:
        ReviewTimeError: It is in the future, longer ago than a window counts, or before the last
            look.
    """
    earliest_ns = max(last_ns, now_ns - rule.window_max_age_ms * NS_PER_MS)
    if asked_ns is None:
        asked_ns = read_ns if earliest_ns <= read_ns <= now_ns else now_ns
    if not earliest_ns <= asked_ns <= now_ns:
        raise ReviewTimeError(earliest_ns=earliest_ns, now_ns=now_ns, found_ns=asked_ns)
    return asked_ns
