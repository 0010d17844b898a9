"""A command loads what it needs: nothing of other commands, and nothing to be looked through."""

from __future__ import annotations

import functools
import subprocess
import sys
from typing import Final

import pytest

LOADED: Final = """
import contextlib, gc, sys
from torghut.entrypoints.cli import main

with contextlib.suppress(SystemExit):
    main([*sys.argv[1:], "--help"])
print(gc.isenabled(), gc.get_freeze_count() > 10_000, *sys.modules)
"""


@functools.cache
def loaded(command: str) -> tuple[list[str], set[str]]:
    """Return how garbage is looked for once a command is loaded, and every module by then."""
    words = [sys.executable, "-c", LOADED, *command.split()]
    ended = subprocess.run(words, check=True, capture_output=True, text=True)
    collecting, frozen, *names = ended.stdout.splitlines()[-1].split()
    return [collecting, frozen], set(names)


@pytest.mark.parametrize(
    ("command", "others"),
    [
        ("worker", {"fastapi", "torghut.entrypoints.cli.serve.command"}),
        ("feed", {"fastapi", "torghut.entrypoints.cli.run.command"}),
        ("switch throw", {"numpy", "torghut.schemas.declarations.topics"}),
        ("reasoning serve", {"optuna", "torghut.adapters.dspy.compiling"}),
        ("reasoning eval", {"optuna", "torghut.adapters.dspy.compiling"}),
    ],
)
def test_command_is_loaded_without_what_only_others_use(command: str, others: set[str]) -> None:
    _, names = loaded(command)

    assert names & others == set()


def test_what_a_command_loads_is_kept_out_of_every_search_for_garbage() -> None:
    found, _ = loaded("switch throw")

    assert found == ["True", "True"]
