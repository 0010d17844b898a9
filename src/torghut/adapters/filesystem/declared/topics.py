"""Reads the declared topics, and the released form of what they carry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.declaration_text import declaration_missing, read_declaration
from torghut.carrying.topics import FOLDER, Topics, assemble, parse_topic

RELEASED: Final = "schemas/released"
"""Where the schemas stand as they were when records of them were last let out."""


def load_topics(root: Path) -> Topics:
    """Return the topics declared below ``root``.

    Raises:
        DeclarationError: There is none, a file is no plain YAML or does not fit its model, or
            they do not go together.
    """
    files = sorted(path.name for path in (root / FOLDER).glob("*.yaml"))
    if not files:
        raise declaration_missing(FOLDER, "at least one .yaml file", "none")
    places = [f"{FOLDER}/{name}" for name in files]
    return assemble(parse_topic(read_declaration(root, place), file=place) for place in places)


def released_schemas(root: Path) -> Mapping[str, str]:
    """Return the text of every released schema below ``root``, by its path below ``schemas/``.

    Raises:
        DeclarationMissingError: One cannot be read.
    """
    folder = root / RELEASED
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.json"))
    return {place: read_declaration(root, f"{RELEASED}/{place}") for place in found}
