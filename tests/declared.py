"""The declarations that are shipped, and their text with one thing changed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.declarations import load
from torghut.decisions.declarations import Declarations

ROOT: Final = Path(__file__).resolve().parents[1]
FILES: Final = tuple(
    path.relative_to(ROOT).as_posix()
    for folder in ("streams/instruments", "streams/calendars", "router", "governance")
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
