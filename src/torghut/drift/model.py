"""Drift of the reasoning model: how often it was asked and did not answer as it must.

A question ends in one of four verdicts, or in why there is none. A committee that defers has
answered; where no answer could change anything, and where people or a stage keep advice off, nobody
was asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from torghut.schemas.codes import Resolution, published_name
from torghut.schemas.control import VERDICTS
from torghut.schemas.declarations.governance import ReasoningPolicy
from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.fields import Reading, declared_off, reading_of
from torghut.schemas.rows import Words
from torghut.schemas.types import message_digest

Flags = npt.NDArray[np.bool_]

_ENDED: Final = np.uint64(sum(1 << one.reason for one in Resolution))
_UNANSWERED: Final = np.uint64(
    sum(1 << one.reason for one in Resolution if published_name(one) not in VERDICTS)
)


def is_asked(reasons: Words) -> Flags:
    """Return which decisions waited for advice until something ended that, shape (n,)."""
    return np.asarray((reasons & _ENDED) != 0)


def is_unanswered(reasons: Words) -> Flags:
    """Return for which of those no verdict came, shape (n,)."""
    return np.asarray((reasons & _UNANSWERED) != 0)


def advice_off_by(policy: ReasoningPolicy) -> str | None:
    """Return the digest of a reasoning policy that switches advice off; None of any other."""
    return message_digest(policy) if policy.advice == "off" else None


def unanswered(*, off_by: str | None, asked: int, failed: int) -> Reading:
    """Return the share of questions to the model that ended without a verdict.

    Advice may be declared off and be on all the same, by a control record: what was asked counts.

    Args:
        off_by: Digest of the declaration that switches advice off; None while it is on.
        asked: Questions that ended, those asked beside decisions in shadow mode too.
        failed: Of those, without an answer in time that could be used.
    """
    if off_by is not None and not asked:
        return declared_off(off_by)
    return reading_of(failed / asked if asked else None, samples=asked)


def advice_errors(*, off_by: str | None, asked: int, failed: int) -> Mapping[DriftCode, Reading]:
    """Return ``unanswered`` as the check that it is."""
    return {"model_llm_error_ratio_exceeded": unanswered(off_by=off_by, asked=asked, failed=failed)}
