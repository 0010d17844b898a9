"""Times as text lead back to the nanosecond that they were made of, and to no other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.kernel.times import MomentMalformedError, moment, moment_ns


@given(time_ns=st.integers(min_value=0, max_value=4_000_000_000 * 10**9))
def test_moment_leads_back(time_ns: int) -> None:
    assert moment_ns(moment(time_ns)) == time_ns


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2010-01-04",
        "2010-01-04T13:00:00",
        "2010-01-04T13:00:00+00:00",
        "2010-01-04T13:00:00.0Z",
        "2010-01-04T13:00:00.1234567890Z",
        "2010-01-04T13:00:60Z",
        "2010-13-04T13:00:00Z",
        "2010-01-04t13:00:00z",
        " 2010-01-04T13:00:00Z",
    ],
)
def test_text_of_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(MomentMalformedError):
        moment_ns(text)
