"""Runbooks as what is typed and what must be seen."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.decisions.declared import ROOT

PAGES: Final = sorted((ROOT / "ops" / "runbooks").glob("*.md"))
_BLOCK: Final = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ENDS: Final = re.compile(r"# ends with (\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A command of a page, how it ends, and what it shows, each line with … for anything."""

    command: str
    status: int
    shown: tuple[str, ...]


def commands_of(page: Path) -> Iterator[Typed]:
    """Yield the commands of a page, in order."""
    for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            ends = _ENDS.search(command)
            yield Typed(command=command, status=int(ends[1]) if ends else 0, shown=tuple(shown))


def words_of(command: str) -> list[str]:
    """Return what is typed behind ``torghut``."""
    program, *words = shlex.split(command, comments=True)
    assert program == "torghut"
    return words


def holds(line: str, out: str) -> bool:
    """Return whether a line of the page is among those that were printed."""
    pattern = r"\s+".join(
        ".*?".join(map(re.escape, word.split("…"))) for word in line.strip().split()
    )
    return any(re.search(pattern, printed) for printed in out.splitlines())
