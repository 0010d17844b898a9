"""The functional core opens no file, as the architecture page says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

import pytest

from tests.architecture.tree import SOURCE, modules

CORE: Final = (
    *("kernel", "schemas", "eventlog", "artifacts", "market", "router", "drift", "evals"),
    *("governance", "carrying", "decisions", "workflows"),
)
IO: Final = frozenset({"fcntl", "glob", "io", "mmap", "os", "shutil", "tempfile"})
"""Modules that reach files; what only names them (``pathlib``) is judged by what is called."""

CALLED: Final = frozenset(
    {"open", "read_bytes", "read_text", "write_bytes", "write_text", "mkdir", "touch", "unlink"}
)


def opens(tree: ast.Module) -> Iterator[str]:
    """Yield what reaches a file, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = [one.name for one in names if one.name.partition(".")[0] in IO]
            case ast.ImportFrom(module=str(name)) if name.partition(".")[0] in IO:
                found = [name]
            case ast.Call(func=ast.Name(id="open")):
                found = ["open"]
            case ast.Call(func=ast.Attribute(attr=name, value=ast.Call(func=ast.Name(id="Path")))):
                found = [name] if name in CALLED else []
            case ast.Call(func=ast.Attribute(attr=name)) if name in CALLED - {"open"}:
                found = [name]
            case _:
                continue
        yield from (f"{node.lineno}: {name}" for name in found)


def test_core_opens_no_file() -> None:
    core = [module for area in CORE for module in modules(SOURCE / area)]
    found = {module.place: list(opens(module.tree)) for module in core}

    assert len(core) > len(CORE)
    assert {place: calls for place, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "planted",
    [
        "import os",
        "import os.path",
        "from os import path",
        "from shutil import rmtree",
        "open('x')",
        "Path('x').open()",
        "path.read_bytes()",
    ],
)
def test_planted_file_is_found(planted: str) -> None:
    assert list(opens(ast.parse(planted))) != []
