"""What a question was worth is known only where its symbol was quoted at the horizon's end."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import pytest

from tests.support.decisions.asking import asking
from tests.support.reasoning.asked import learned
from torghut.kernel.units import NS_PER_MS, NS_PER_S

pytestmark = pytest.mark.slow

PAUSE_S: Final = 600


def horizon_ns(symbol: str) -> int:
    """Return over how long a symbol's positions are meant to pay."""
    sampling = asking().instrument(symbol).sampling
    return sampling.horizon_samples * sampling.sample_interval_ms * NS_PER_MS


def test_question_whose_horizon_ends_in_a_pause_says_nothing() -> None:
    usual, paused = learned(), learned(pause_s=PAUSE_S)
    found = [*paused.train.examples, *paused.test.examples]
    longest_ns = max(late.at_ns - early.at_ns for early, late in pairwise(found))

    assert paused.open > usual.open
    # Nothing was quoted for so long, and what was asked within a horizon before says nothing.
    assert longest_ns >= PAUSE_S * NS_PER_S + 0.7 * horizon_ns(found[0].shown.symbol)
