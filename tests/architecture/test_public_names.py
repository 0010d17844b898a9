"""Asking for help loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

import pytest

ASKING: Final = {"aiohttp", "dspy", "litellm", "openai"}
HEAVY: Final = {*ASKING, "numba", "numpy", "pandas", "pydantic", "sqlalchemy", "torch"}
ROOTS: Final = (
    "torghut.composition.serving",
    "torghut.composition.working",
    "torghut.composition.lanes",
    "torghut.entrypoints.cli.serve.command",
)

SCRIPT: Final = """
import json, sys
from torghut.entrypoints.cli import main
sys.argv = ["torghut", *json.loads(sys.argv[1])]
try:
    status = main()
except SystemExit as end:
    status = end.code
print()
print(json.dumps([status or 0, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def run_and_list_modules(*arguments: str) -> tuple[int, set[str]]:
    """Run the command line in a process of its own; return its status and what it imported."""
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(arguments)],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
    )
    status, names = json.loads(ended.stdout.splitlines()[-1])
    return status, set(names)


@pytest.mark.parametrize("arguments", [("--help",), ("log", "--help")])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    status, imported = run_and_list_modules(*arguments)

    assert status == 0
    assert imported.isdisjoint(HEAVY), sorted(imported.intersection(HEAVY))


def test_what_decides_never_imports_what_asks_a_model() -> None:
    brought = "print(*{name.partition('.')[0] for name in sys.modules})"
    program = f"import sys, {', '.join(ROOTS)}; {brought}"
    said = subprocess.check_output([sys.executable, "-c", program], text=True, timeout=60)

    assert ASKING.isdisjoint(said.split())
