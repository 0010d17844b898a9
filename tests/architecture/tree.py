"""The checkout as the architecture tests see it: its modules, parsed, and its tracked files."""

from __future__ import annotations

import ast
import gc
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "src" / "torghut"
DECLARATIONS: Final = ("streams", "governance", "router", "evals", "schemas", "ops")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file: where it is, and what it says."""

    path: Path
    text: str

    @property
    def tree(self) -> ast.Module:
        """Return its syntax tree, parsed when somebody asks for it first."""
        return _parsed(self)

    @property
    def place(self) -> str:
        """Return its path from the top of the checkout."""
        return self.path.relative_to(ROOT).as_posix()


@cache
def modules(folder: Path = SOURCE) -> Sequence[Module]:
    """Return the modules below ``folder``, sorted by path."""
    paths = sorted(folder.rglob("*.py"))
    return tuple(Module(path=path, text=path.read_text(encoding="utf-8")) for path in paths)


@cache
def _parsed(module: Module) -> ast.Module:
    """Return its tree; all trees stay for good, so no search for garbage is to go through them."""
    gc.disable()
    try:
        return ast.parse(module.text, filename=str(module.path))
    finally:
        gc.freeze()
        gc.enable()


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
