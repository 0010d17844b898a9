"""A quantile out of buckets is never less than the true one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.governance.slo.quantiles import upper_quantile
from torghut.schemas.observing.metric import SECONDS

BOUNDS = (*SECONDS, math.inf)


@given(
    times=st.lists(st.floats(1e-6, 100.0), min_size=1, max_size=60),
    share=st.sampled_from([0.5, 0.95, 0.99, 1.0]),
)
def test_bound_is_not_below_the_quantile_and_its_bucket_holds_it(
    times: list[float], share: float
) -> None:
    counts = [sum(one <= bound for one in times) for bound in BOUNDS]
    true = float(np.quantile(times, share, method="inverted_cdf"))

    found = upper_quantile(BOUNDS, counts, share)

    assert found is not None
    assert found >= true
    below = [bound for bound in BOUNDS if bound < found]
    assert not below or below[-1] < true


@pytest.mark.parametrize("counts", [[], [0, 0], [3, 2], [-1, -1]])
def test_counts_that_say_nothing_have_no_quantile(counts: list[int]) -> None:
    assert upper_quantile([1.0, math.inf][: len(counts)], counts, 0.95) is None
