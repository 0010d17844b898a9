"""A reader of what is already written must not lose anything that was allowed."""

from __future__ import annotations

from typing import Any, Final

import pytest

from torghut.carrying.compatibility import breaks

OBJECT: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "type": {"const": "a.b.v1", "type": "string"},
        "side": {"enum": ["buy", "sell"], "type": "string"},
        "size": {"type": "integer", "minimum": 0, "maximum": 10},
        "note": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]},
        "rows": {"type": "array", "items": {"$ref": "#/$defs/Row"}, "maxItems": 3},
    },
    "required": ["type", "side"],
    "$defs": {
        "Row": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"value": {"type": "number"}, "next": {"$ref": "#/$defs/Row"}},
            "required": ["value"],
        }
    },
}


def changed(*path: str, to: object) -> dict[str, Any]:
    """Return the schema with one keyword changed, removed where ``to`` is None."""
    return _changed(OBJECT, path, to)


def _changed(schema: dict[str, Any], path: tuple[str, ...], to: object) -> dict[str, Any]:
    first, *rest = path
    copy = dict(schema)
    if rest:
        copy[first] = _changed(copy.get(first, {}), tuple(rest), to)
    elif to is None:
        del copy[first]
    else:
        copy[first] = to
    return copy


def test_schema_can_read_itself() -> None:
    assert breaks(OBJECT, OBJECT) == ()


@pytest.mark.parametrize(
    ("path", "to"),
    [
        (("properties", "more"), {"type": "string"}),
        (("properties", "side", "enum"), ["buy", "sell", "hold"]),
        (("properties", "side", "enum"), None),
        (("properties", "size", "maximum"), 11),
        (("properties", "size", "maximum"), None),
        (("properties", "size", "type"), "number"),
        (("properties", "size", "type"), ["integer", "null"]),
        (("properties", "size", "description"), "how much"),
        (("properties", "size", "default"), 3),
        (("properties", "note", "anyOf"), [{"type": "null"}, {"type": "string"}]),
        (("properties", "rows", "items"), {}),
        (("required",), ["type"]),
        (("additionalProperties",), True),
        (("$defs", "Row", "required"), []),
        (("dependentRequired",), {"more": ["side"]}),
    ],
)
def test_what_only_widens_breaks_nothing(path: tuple[str, ...], to: object) -> None:
    assert breaks(OBJECT, changed(*path, to=to)) == ()


@pytest.mark.parametrize(
    ("path", "to", "said"),
    [
        (("properties", "note"), None, "note: removed"),
        (("required",), ["type", "side", "size"], "size: newly required"),
        (("properties", "side", "enum"), ["buy"], "side: no longer 'sell'"),
        (("properties", "type", "const"), "a.b.v2", "type: no longer 'a.b.v1'"),
        (("properties", "size", "type"), "string", "size: was integer, is string"),
        (("properties", "size", "maximum"), 9, "size: maximum was 10, is 9"),
        (("properties", "size", "minimum"), 1, "size: minimum was 0, is 1"),
        (("properties", "size", "multipleOf"), 2, "size: multipleOf was none, is 2"),
        (("properties", "size", "enum"), [1], "size: was open, is a closed set"),
        (("properties", "note", "anyOf"), [{"type": "null"}], "note: was string, is null"),
        (("properties", "rows", "maxItems"), 2, "rows: maxItems was 3, is 2"),
        (("properties", "rows", "items"), {"type": "string"}, "rows[]: was object, is string"),
        (("$defs", "Row", "properties", "next"), None, "rows[].next: removed"),
        (
            ("$defs", "Row", "properties", "value", "type"),
            "integer",
            "rows[].value: was number, is integer",
        ),
        (("dependentRequired",), {"size": ["note"]}, "size: newly requires note beside it"),
        (("if",), {"required": ["size"]}, "the whole: if is not what it was"),
        (("maxProperties",), 3, "the whole: maxProperties was none, is 3"),
    ],
)
def test_what_narrows_is_named_with_its_place_and_reason(
    path: tuple[str, ...], to: object, said: str
) -> None:
    found = breaks(OBJECT, changed(*path, to=to))

    assert [str(one) for one in found] == [said]


def test_open_object_may_not_be_closed() -> None:
    opened = changed("additionalProperties", to=True)

    assert [str(one) for one in breaks(opened, OBJECT)] == ["the whole: other keys were allowed"]


def test_every_alternative_that_was_allowed_is_still_to_be_read() -> None:
    old = {"oneOf": [{"type": "string"}, {"type": "integer"}]}

    assert breaks(old, {"type": ["string", "number"]}) == ()
    assert [one.reason for one in breaks(old, {"type": "string"})] == ["was integer, is string"]


def test_anything_may_not_become_something() -> None:
    assert [one.reason for one in breaks({}, {"type": "string"})] == ["was of any type, is string"]
    assert [one.reason for one in breaks({"items": {}}, {"items": False})] != []
