"""A stored decision is read alike with numpy and without it, in the layout it was written in."""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from torghut.schemas.codes import MAX_REGIMES, Domain, Expert, Gate
from torghut.schemas.leaf import (
    LAYOUTS,
    LEAF_VERSION,
    ROW_BYTES,
    DecisionFields,
    LeafVersionError,
    decision_fields,
    leaf_version,
    row_bytes,
)
from torghut.schemas.rows import DECISION, decision_dtype

RELEASED: Final = {1: "04c732e8595ac991c4315928ee573951"}
"""The start of the sha256 of each layout that logs were written in."""

rows: Final = st.binary(min_size=ROW_BYTES - 2, max_size=ROW_BYTES - 2).map(
    lambda rest: bytes([0, LEAF_VERSION]) + rest
)


def test_fields_are_those_of_the_row_in_its_order() -> None:
    assert DecisionFields._fields == DECISION.names
    assert DECISION.itemsize == ROW_BYTES


@given(rows)
def test_any_row_has_the_values_that_numpy_reads(row: bytes) -> None:
    fields = decision_fields(row)

    (read,) = np.frombuffer(row, DECISION)
    for name, value in fields._asdict().items():
        np.testing.assert_array_equal(np.asarray(value, DECISION[name].base), read[name])


def test_layouts_of_written_logs_are_what_they_were() -> None:
    found = {
        version: hashlib.sha256(repr(layout).encode()).hexdigest()[:32]
        for version, layout in LAYOUTS.items()
    }

    assert found == RELEASED, "a layout is never changed: add the next one, and its line here"


@pytest.mark.parametrize("version", LAYOUTS)
def test_what_is_read_by_its_place_is_there_in_every_layout(version: int) -> None:
    layout = np.dtype(list(LAYOUTS[version]))
    assert layout.fields is not None

    places = {name: layout.fields[name][1] for name in ("tag", "version", "symbol_key")}
    assert places == {"tag": 0, "version": 1, "symbol_key": 10}
    assert layout.fields["lineage"][1] == layout.itemsize - 32 == row_bytes(version) - 32


def test_newest_layout_has_room_for_all_there_is() -> None:
    lengths = {
        name: DECISION[name].shape[0] for name in DECISION.names or () if DECISION[name].shape
    }

    assert lengths == {
        "posterior": MAX_REGIMES,
        "scores": len(Expert),
        "weights": len(Expert),
        "age_ns": len(Domain),
        "gate_value": len(Gate),
        "gate_status": len(Gate),
        "lineage": 4,
    }, "an expert, domain or gate more needs a new layout"


@pytest.mark.parametrize("row", [b"", b"\0", b"\0\0", b"\0\xff" + bytes(ROW_BYTES - 2)])
def test_rows_of_no_known_layout_are_refused(row: bytes) -> None:
    with pytest.raises(LeafVersionError, match=r"expected .* layout 1, found .*; read them with"):
        leaf_version(row)


def test_no_rows_at_all_are_of_the_newest_layout() -> None:
    assert decision_dtype(b"") is DECISION
