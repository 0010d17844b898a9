"""Asking for help loads nothing heavy, and deciding nothing that asks a model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support.decisions.kernels import compiled
from tests.support.machine.commands import environment, prices

ASKING: Final = {"aiohttp", "dspy", "litellm", "openai"}
HEAVY: Final = {*ASKING, "numba", "numpy", "pandas", "pydantic", "sqlalchemy", "torch"}
ROOTS: Final = (
    "torghut.composition.serving",
    "torghut.composition.working",
    "torghut.composition.lanes",
    "torghut.entrypoints.cli.run.command",
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


def test_run_that_decided_never_imported_what_asks_a_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiled()
    monkeypatch.chdir(tmp_path)
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    source = prices(tmp_path / "prices.csv", count=200)

    status, imported = run_and_list_modules("run", "--source", source, "--log", "day.log")

    assert status == 0
    assert (tmp_path / "day.log").exists()
    assert imported.isdisjoint(ASKING), sorted(imported.intersection(ASKING))
