"""Whether a schema still takes everything that an older one allowed: backward compatibility.

Two JSON Schemas are compared keyword by keyword. What may be added: a key that may be left out, a
member of a closed set, a wider bound. What breaks a reader of what is already written: a key that
is removed or newly required, a value that is narrowed, another type. A keyword that is not known
here may only stay as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Schema = Mapping[str, object]

_ANNOTATIONS: Final = frozenset(
    {
        *("$defs", "$id", "$ref", "$schema", "default", "deprecated", "description"),
        *("discriminator", "examples", "readOnly", "title", "writeOnly"),
    }
)
_LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT: Final = ("pattern", "format", "multipleOf", "uniqueItems")
_STRUCTURE: Final = (
    *("type", "enum", "const", "properties", "required", "additionalProperties", "items"),
    *("prefixItems", "dependentRequired", "anyOf", "oneOf"),
)
_KNOWN: Final = _ANNOTATIONS | {*_LEAST, *_MOST, *_EXACT, *_STRUCTURE}
_TYPES: Final = (
    *((type(None), "null"), (bool, "boolean"), (int, "integer"), (float, "number")),
    *((str, "string"), (Mapping, "object")),
)
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """Something that was allowed and no longer is.

    Attributes:
        place: Keys on the way there, with dots; ``[]`` stands for every item.
        reason: What is no longer allowed.
    """

    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place or 'the whole'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two schemas that are compared, where they stand, and the documents that they are part of."""

    old: object
    new: object
    place: str
    old_root: Schema
    new_root: Schema
    above: frozenset[tuple[int, int]] = field(default=frozenset())

    def inner(self, old: object, new: object, step: str = "") -> _Pair:
        """Return what stands below, one step further down."""
        place = f"{self.place}{step}" if step.startswith("[") else f"{self.place}.{step}"
        where = place.strip(".") if step else self.place
        return _Pair(old, new, where, self.old_root, self.new_root, self.above)


def breaks(old: Schema, new: Schema) -> Sequence[Break]:
    """Return everything that ``old`` allowed and ``new`` does not; empty where there is nothing.

    Example:
        >>> old = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
        >>> breaks(old, {**old, "properties": {"a": {"type": "number"}}})
        ()
        >>> print(*breaks({**old, "required": []}, old))
        a: newly required
    """
    return tuple(_breaks(_Pair(old, new, "", old, new)))


def _breaks(pair: _Pair) -> Iterator[Break]:
    """Yield what breaks in one pair and below it."""
    old, new = _resolved(pair.old, pair.old_root), _resolved(pair.new, pair.new_root)
    both = (id(old), id(new))
    if new is True or new == {} or old is False or both in pair.above:
        return
    if not isinstance(old, Mapping) or not isinstance(new, Mapping):
        yield Break(place=pair.place, reason="anything was allowed")
        return
    below = _Pair(old, new, pair.place, pair.old_root, pair.new_root, pair.above | {both})
    if _branches(old) or _branches(new):
        yield from _branch_breaks(below, old, new)
        return
    for reason in _plain_reasons(old, new):
        yield Break(place=pair.place, reason=reason)
    yield from _object_breaks(below, old, new)
    yield from _array_breaks(below, old, new)


def _resolved(schema: object, root: Schema) -> object:
    """Return what a schema refers to within its document, else the schema itself."""
    while isinstance(schema, Mapping) and isinstance(reference := schema.get("$ref"), str):
        found: object = root
        for step in reference.removeprefix("#/").split("/"):
            found = found[step] if isinstance(found, Mapping) else None
        schema = found
    return schema


def _branches(schema: Schema) -> Sequence[object]:
    """Return the alternatives of a schema; none where it is no choice."""
    found = schema.get("anyOf", schema.get("oneOf", ()))
    return found if isinstance(found, Sequence) else ()


def _branch_breaks(pair: _Pair, old: Schema, new: Schema) -> Iterator[Break]:
    """Yield what is allowed by one of the old alternatives and by no one of the new ones."""
    for before in _branches(old) or [old]:
        tried = [tuple(_breaks(pair.inner(before, after))) for after in _branches(new) or [new]]
        yield from min(tried, key=_severity)


def _severity(found: Sequence[Break]) -> tuple[bool, int]:
    """Return how bad breaks are: another kind of value altogether is the worst."""
    return any(one.reason.startswith(("was ", "no longer")) for one in found), len(found)


def _plain_reasons(old: Schema, new: Schema) -> Iterator[str]:
    """Yield what breaks in the keywords of one value."""
    yield from _value_reasons(old, new)
    yield from _bound_reasons(old, new)
    for name in _EXACT:
        if name in new and new[name] != old.get(name, _ABSENT):
            yield f"{name} was {old.get(name, 'none')}, is {new[name]}"
    for name in sorted((old.keys() | new.keys()) - _KNOWN):
        if old.get(name, _ABSENT) != new.get(name, _ABSENT):
            yield f"{name} is not what it was"


def _bound_reasons(old: Schema, new: Schema) -> Iterator[str]:
    """Yield what breaks in the bounds of one value."""
    for sign, names in ((1, _LEAST), (-1, _MOST)):
        for name in names:
            if _beyond(old.get(name), new.get(name), sign):
                yield f"{name} was {old.get(name, 'none')}, is {new[name]}"


def _beyond(old: object, new: object, sign: int) -> bool:
    """Return whether a bound allows less than it did; ``sign`` is 1 for a lower one."""
    if not isinstance(new, int | float):
        return False
    return not isinstance(old, int | float) or (new - old) * sign > 0


def _value_reasons(old: Schema, new: Schema) -> Iterator[str]:
    """Yield what breaks in type and closed set."""
    before, after = _members(old), _members(new)
    if after is not None:
        if before is None:
            yield "was open, is a closed set"
        elif removed := [one for one in before if one not in after]:
            yield f"no longer {', '.join(map(repr, removed))}"
    types, now = _types(old), _types(new)
    if now and (gone := types - now):
        yield f"was {' or '.join(sorted(gone))}, is {' or '.join(sorted(now - {'integer'} or now))}"
    elif now and not types:
        yield f"was of any type, is {' or '.join(sorted(now))}"


def _members(schema: Schema) -> Sequence[object] | None:
    """Return the values of a closed set; None where it is open."""
    if "const" in schema:
        return [schema["const"]]
    found = schema.get("enum")
    return found if isinstance(found, Sequence) else None


def _types(schema: Schema) -> frozenset[str]:
    """Return the types that are allowed; whoever takes a number takes an integer."""
    stated = schema.get("type", ())
    named = {stated} if isinstance(stated, str) else set(_strings(stated))
    if not named:
        named = {_type_of(one) for one in _members(schema) or ()}
    return frozenset(named | ({"integer"} if "number" in named else set()))


def _type_of(value: object) -> str:
    """Return the type of a JSON value."""
    return next((name for kind, name in _TYPES if isinstance(value, kind)), "array")


def _strings(found: object) -> Sequence[str]:
    """Return the texts of a list; none where it is no list."""
    if isinstance(found, str) or not isinstance(found, Sequence):
        return ()
    return [one for one in found if isinstance(one, str)]


def _mapping(schema: Schema, name: str) -> Schema:
    """Return a keyword that holds schemas by key; empty where it is absent."""
    found = schema.get(name, {})
    return found if isinstance(found, Mapping) else {}


def _object_breaks(pair: _Pair, old: Schema, new: Schema) -> Iterator[Break]:
    """Yield what breaks in the keys of an object."""
    if not _both_take("object", old, new):
        return
    had, has = _mapping(old, "properties"), _mapping(new, "properties")
    unnamed, others = _others(old), _others(new)
    for key in sorted(had.keys() | has.keys()):
        before, after = had.get(key, unnamed), has.get(key, others)
        if after is False and before is not False:
            yield Break(place=pair.inner(0, 0, key).place, reason="removed")
        else:
            yield from _breaks(pair.inner(before, after, key))
    for key in _strings(new.get("required")):
        if key not in _strings(old.get("required")):
            yield Break(place=pair.inner(0, 0, key).place, reason="newly required")
    yield from _dependency_breaks(pair, old, new)
    yield from _other_key_breaks(pair, old, new)


def _others(schema: Schema) -> object:
    """Return what the keys may hold that a schema does not name."""
    return schema.get("additionalProperties", True)


def _both_take(kind: str, old: Schema, new: Schema) -> bool:
    """Return whether two schemas take values of one type; what only one takes is told elsewhere."""
    return all(kind in (_types(schema) or {kind}) for schema in (old, new))


def _dependency_breaks(pair: _Pair, old: Schema, new: Schema) -> Iterator[Break]:
    """Yield what a key that was there before newly requires beside it."""
    required = _mapping(old, "dependentRequired")
    for key, beside in _mapping(new, "dependentRequired").items():
        known = key in _mapping(old, "properties") or old.get("additionalProperties") is not False
        for one in _strings(beside):
            if known and one not in _strings(required.get(key)):
                reason = f"newly requires {one} beside it"
                yield Break(place=pair.inner(0, 0, key).place, reason=reason)


def _other_key_breaks(pair: _Pair, old: Schema, new: Schema) -> Iterator[Break]:
    """Yield what breaks for keys that are not named."""
    before, after = _others(old), _others(new)
    if before is False:
        return
    if after is False:
        yield Break(place=pair.place, reason="other keys were allowed")
    elif isinstance(before, Mapping) or isinstance(after, Mapping):
        yield from _breaks(pair.inner(before, after, "[]"))


def _array_breaks(pair: _Pair, old: Schema, new: Schema) -> Iterator[Break]:
    """Yield what breaks in the items of an array."""
    if not _both_take("array", old, new):
        return
    had, has = old.get("prefixItems", ()), new.get("prefixItems", ())
    if not isinstance(had, Sequence) or not isinstance(has, Sequence) or len(had) != len(has):
        yield Break(place=pair.place, reason="other places in the list")
        return
    for place, (before, after) in enumerate(zip(had, has, strict=True)):
        yield from _breaks(pair.inner(before, after, f"[{place}]"))
    if "items" in new:
        yield from _breaks(pair.inner(old.get("items", True), new["items"], "[]"))
