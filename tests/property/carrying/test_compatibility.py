"""Where nothing is said to break, nothing breaks."""

from __future__ import annotations

from typing import Any, Final

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from torghut.carrying.compatibility import breaks

NAMES: Final = ("a", "b", "c")
VALUES: Final[st.SearchStrategy[Any]] = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "x", "xyz"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=5,
)
SCALARS: Final[st.SearchStrategy[dict[str, Any]]] = st.one_of(
    st.fixed_dictionaries({"const": st.sampled_from([1, "x", None])}),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from([1, 2, "x"]), min_size=1, max_size=3)}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={"minimum": st.integers(-2, 2), "maximum": st.integers(-2, 2)},
    ),
    st.fixed_dictionaries({"type": st.just("string")}, optional={"maxLength": st.integers(0, 3)}),
    st.fixed_dictionaries({"type": st.sampled_from(["null", "boolean", ["null", "string"]])}),
    st.just({}),
)
SCHEMAS: Final[st.SearchStrategy[dict[str, Any]]] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=2)}),
        st.fixed_dictionaries(
            {"type": st.just("array"), "items": inner}, optional={"minItems": st.integers(0, 2)}
        ),
        st.fixed_dictionaries(
            {
                "type": st.just("object"),
                "properties": st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
            },
            optional={
                "additionalProperties": st.booleans() | inner,
                "required": st.lists(st.sampled_from(NAMES), max_size=2),
            },
        ),
    ),
    max_leaves=4,
)


def fits(value: object, schema: dict[str, Any]) -> bool:
    """Return whether a value fits a schema."""
    return jsonschema.Draft202012Validator(schema).is_valid(value)


@given(SCHEMAS, SCHEMAS, st.lists(VALUES, min_size=1, max_size=8))
def test_value_that_fitted_fits_where_nothing_is_said_to_break(
    old: dict[str, Any], new: dict[str, Any], values: list[object]
) -> None:
    lost = [value for value in values if fits(value, old) and not fits(value, new)]

    assert lost == [] or breaks(old, new) != ()


@given(SCHEMAS)
def test_schema_breaks_nothing_of_its_own(schema: dict[str, Any]) -> None:
    assert breaks(schema, schema) == ()
