"""Modules stay small, hold one idea each, and are named after it."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

import pytest

from tests.architecture.tree import DECLARATIONS, ROOT, SOURCE, modules

MAX_LINES: Final = 400
MAX_MODULES: Final = 12
SERVERS: Final = "ops/servers"
"""What starts servers for development and tests: code, and no declaration."""
VAGUE: Final = re.compile(
    r"(utils?|helpers?|common|misc|manager|service|base\d*|new|stuff|support)"
    r"|.*_(core|support|methods|parts?|helpers?|utils?|common|misc|new|old|impl|[a-z]|v?\d+)"
)

MODULES: Final = modules()


def test_there_are_modules_to_judge() -> None:
    assert len(MODULES) > len(DECLARATIONS)


def test_modules_hold_one_idea_each() -> None:
    long = {one.place: one.text.count("\n") for one in MODULES}

    assert {place: lines for place, lines in long.items() if lines > MAX_LINES} == {}


def test_module_names_say_the_idea() -> None:
    assert [one.place for one in MODULES if VAGUE.fullmatch(one.path.stem)] == []


@pytest.mark.parametrize("name", ["utils", "helpers_2", "engine_core", "rows_b", "router_v2"])
def test_vague_and_half_names_are_recognised(name: str) -> None:
    assert VAGUE.fullmatch(name) is not None


def test_packages_stay_small_enough_to_know() -> None:
    sizes = Counter(module.path.parent for module in MODULES if module.path.stem != "__init__")

    assert {str(path): size for path, size in sizes.items() if size > MAX_MODULES} == {}


def test_every_package_says_its_idea() -> None:
    folders = {module.path.parent for module in MODULES}

    assert {folder for folder in folders if not (folder / "__init__.py").is_file()} == set()
    assert SOURCE in folders


@pytest.mark.parametrize("folder", DECLARATIONS)
def test_declarations_are_data_only(folder: str) -> None:
    found = [path.relative_to(ROOT) for path in (ROOT / folder).rglob("*.py")]

    assert [path for path in found if not path.is_relative_to(SERVERS)] == []
