"""A stored decision is read alike with numpy and without it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from torghut.schemas.leaf import ROW_BYTES, DecisionFields, decision_fields
from torghut.schemas.rows import DECISION


def test_fields_are_those_of_the_row_in_its_order() -> None:
    assert DecisionFields._fields == DECISION.names
    assert DECISION.itemsize == ROW_BYTES


@given(st.binary(min_size=ROW_BYTES, max_size=ROW_BYTES))
def test_any_row_has_the_values_that_numpy_reads(row: bytes) -> None:
    fields = decision_fields(row)

    (read,) = np.frombuffer(row, DECISION)
    for name, value in fields._asdict().items():
        np.testing.assert_array_equal(np.asarray(value, DECISION[name].base), read[name])
