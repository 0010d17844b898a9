"""The declarations that are shipped, and the same with one thing changed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.declarations import load
from torghut.decisions.declarations import Declarations

ROOT: Final = Path(__file__).resolve().parents[3]
FILES: Final = tuple(
    path.relative_to(ROOT).as_posix()
    for folder in (
        "streams/instruments",
        "streams/calendars",
        "streams/topics",
        "router",
        "governance",
    )
    for path in sorted((ROOT / folder).rglob("*.yaml"))
)


@cache
def shipped() -> Declarations:
    """Return the declarations of this checkout."""
    return load(ROOT)


def text_of(file: str) -> str:
    """Return the text of a shipped declaration."""
    return (ROOT / file).read_text(encoding="utf-8")


def changed(file: str, old: str, new: str) -> str:
    """Return the text of a shipped declaration with the first ``old`` made ``new``."""
    text = text_of(file)
    assert old in text, f"{file} does not say {old!r}"
    return text.replace(old, new, 1)


def redeclared(
    change: Callable[[dict[str, object]], None], symbol: str, base: Declarations | None = None
) -> Declarations:
    """Return ``base``, or the shipped declarations, with one instrument changed in place."""
    base = base or shipped()
    instruments = []
    for one in base.instruments:
        kept = one
        if one.symbol == symbol:
            body = one.model_dump(mode="json")
            change(body)
            kept = type(one).model_validate_json(json.dumps(body))
        instruments.append(kept)
    return dataclasses.replace(base, instruments=tuple(instruments))
