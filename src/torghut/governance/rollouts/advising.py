"""How advice stood when the safety controls spoke, as observations of runtime governance."""

from __future__ import annotations

from collections.abc import Mapping

from torghut.kernel.units import NS_PER_S
from torghut.schemas.rollout.events import RuntimeAdvice
from torghut.schemas.rollout.manifest import Observation

_NONE = "none"


def observed_advice(advice: RuntimeAdvice | None) -> Mapping[str, Observation]:
    """Return the observations; none of a time when nobody looked, as in older events.

    What has no number says why in its place: ``not-applicable`` where advice is declared off and
    nobody was asked, ``missing`` where it could not be measured.
    """
    if advice is None:
        return {}
    ratio = advice.unanswered_ratio
    rollback = advice.rollback
    recovery_ns = None if rollback is None else rollback.recovery_ns
    return {
        "advice_mode": advice.mode,
        "advice_mode_at_begin": advice.mode_at_begin,
        "advice_deterministic_only": "thrown" if advice.deterministic_only else "released",
        "advice_unanswered_ratio": advice.unanswered if ratio is None else ratio,
        "advice_questions": float(advice.questions),
        "advice_off_by": advice.off_by or _NONE,
        "advice_rolled_back_by": _NONE if rollback is None else rollback.control_id,
        "advice_recovery_s": _NONE if recovery_ns is None else recovery_ns / NS_PER_S,
        "advice_advised_since": _NONE if rollback is None else float(rollback.advised_since),
    }
