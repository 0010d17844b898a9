"""Drift of the reasoning model: how often it was asked and did not answer as it must."""

from __future__ import annotations

from collections.abc import Mapping

from torghut.schemas.declarations.safety import DriftCode
from torghut.schemas.governing.fields import Reading, declared_off, reading_of


def advice_errors(*, off_by: str | None, asked: int, failed: int) -> Mapping[DriftCode, Reading]:
    """Return the share of questions to the model that ended in an error.

    Args:
        off_by: Digest of the declaration that switches advice off; None while it is on.
        asked: Questions.
        failed: Of those, without an answer in time that could be used.
    """
    reading = reading_of(failed / asked if asked else None, samples=asked)
    return {"model_llm_error_ratio_exceeded": reading if off_by is None else declared_off(off_by)}
