"""The checkout as the architecture tests see it: its modules, parsed, and its tracked files."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "src" / "torghut"
DECLARATIONS: Final = ("streams", "governance", "router", "evals", "schemas", "ops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file: where it is, what it says, and its syntax tree."""

    path: Path
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        """Return its path from the top of the checkout."""
        return self.path.relative_to(ROOT).as_posix()


def modules(folder: Path = SOURCE) -> Sequence[Module]:
    """Return the modules below ``folder``, sorted by path."""
    return [_parse(path) for path in sorted(folder.rglob("*.py"))]


def _parse(path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    return Module(path=path, text=text, tree=ast.parse(text, filename=str(path)))


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Yield path and text of every text file that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in sorted(filter(None, listed.stdout.split("\0"))):
        path = ROOT / name
        if not path.is_file():
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            yield name, content.decode("utf-8")
