"""What each layer of the core may use stands in one table, and is what it uses."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import pytest

from tests.architecture.tree import ROOT, SOURCE, Module, modules

CORE: Final = (
    *("workflows", "decisions", "market", "router", "drift", "evals", "governance", "carrying"),
    *("eventlog", "artifacts", "schemas", "kernel", "client"),
)
NAMES: Final = {"scikit-learn": "sklearn", "pyyaml": "yaml"}
"""How a library is imported whose package has another name."""

OWN: Final = frozenset({"torghut", "typing_extensions"})
APART: Final = {"router.training": "router/training", "native.compiling": "kernel/native/compiling"}
"""Where what the rest of a layer may not use stands, by its name in the table."""

DECLARED: Final = frozenset(
    re.findall(r'"([a-z][a-z0-9-]*)(?:\[\w+\])?[>=]=', (ROOT / "pyproject.toml").read_text("utf-8"))
)
"""Packages that the project depends on."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        layers: That it is about.
        shared: Libraries that any module of them may use.
        apart: Those of one place besides, by the beginning of its path.
    """

    layers: tuple[str, ...]
    shared: frozenset[str]
    apart: Mapping[str, frozenset[str]]


def libraries_in(text: str) -> frozenset[str]:
    """Return the libraries that a text names, as they are imported."""
    words = re.findall(r"[a-z][a-z0-9_-]+", re.sub(r"`[^`]+`", "", text))
    return frozenset(NAMES.get(word, word) for word in words if word in DECLARED)


def rows() -> Iterator[Row]:
    """Yield the rows of the table that are about the core."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for names, uses in re.findall(r"^\| (`[^|]+) \|[^|]+\| ([^|]+) \|$", text, re.MULTILINE):
        layers = tuple(name for name in re.findall(r"`(\w+)`", names) if name in CORE)
        shared, _, rest = uses.partition("; `")
        alone, _, given = rest.partition("` alone: ")
        apart = {APART[alone]: libraries_in(given)} if given else {}
        if layers:
            yield Row(layers, libraries_in(shared), apart)


def imported(module: Module) -> Iterator[str]:
    """Yield the libraries that ``module`` imports."""
    for node in ast.walk(module.tree):
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        for name in names:
            root = name.partition(".")[0]
            if root not in sys.stdlib_module_names and root not in OWN:
                yield root


def test_every_layer_of_the_core_has_a_row() -> None:
    assert sorted(layer for row in rows() for layer in row.layers) == sorted(CORE)


@pytest.mark.parametrize("row", tuple(rows()), ids=lambda row: row.layers[0])
def test_layers_use_the_libraries_of_their_row_and_no_other(row: Row) -> None:
    used = dict.fromkeys(("", *row.apart), frozenset[str]())
    for module in (one for layer in row.layers for one in modules(SOURCE / layer)):
        place = module.path.relative_to(SOURCE).as_posix()
        begins = next((one for one in row.apart if place.startswith(one)), "")
        used[begins] |= frozenset(imported(module))

    assert used[""] == row.shared
    for begins, given in row.apart.items():
        assert given <= used[begins] <= given | row.shared
