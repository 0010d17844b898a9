"""What was promised to readers of the topics: records once let out stay readable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.carrying.compatibility import Break, breaks
from torghut.carrying.topics import Topics, carried_schemas, schema_id
from torghut.kernel.canonical import JsonObject, parse_json_object
from torghut.schemas.publish import Publication, schema_text

_CONTROL: Final = "events/control/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A schema as it was let out, and what of it is not kept.

    Attributes:
        released: Path of the schema, below ``schemas/``.
        read_as: Path of the one that its records are read by now; empty where there is none.
        broken: What records may hold that is no longer read.
    """

    released: str
    read_as: str
    broken: Sequence[Break]


def promises(released: Mapping[str, str]) -> Sequence[Promise]:
    """Return what becomes of every released schema, by what is published now.

    A control record states no version, so all its versions are read by the newest. An event does,
    and an older one is lifted before it is read: it is compared with its own version alone.

    Args:
        released: Text of each released schema, by its path below ``schemas/``.
    """
    return tuple(
        _promise(path, parse_json_object(text.encode())) for path, text in released.items()
    )


def to_release(topics: Topics) -> Mapping[str, str]:
    """Return the text of every schema that a topic carries, by its path below ``schemas/``.

    Those are the schemas that a release lets out.
    """
    carried = {value for topic in topics.declared for value in topic.values}
    published = (carried_schemas()[value] for value in sorted(carried))
    return {one.path: schema_text(one) for one in published}


def _promise(path: str, old: JsonObject) -> Promise:
    """Return what becomes of one released schema."""
    reader = next(_readers(path), None)
    if reader is None:
        gone = Break(place="", reason="no longer published")
        return Promise(released=path, read_as="", broken=(gone,))
    new = parse_json_object(schema_text(reader).encode())
    return Promise(released=path, read_as=reader.path, broken=breaks(old, new))


def _readers(path: str) -> Iterator[Publication]:
    """Yield what reads the records of a released schema."""
    stem = _stem(path)
    for one in carried_schemas().values():
        if one.path == path or (path.startswith(_CONTROL) and _stem(one.path) == stem):
            yield one


def _stem(path: str) -> str:
    """Return a schema's id without its version."""
    return schema_id(path).rpartition(".")[0]
