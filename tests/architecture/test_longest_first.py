"""Files whose tests may take longest are begun first, so that no worker is left alone with one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from tests.architecture.tree import ROOT

PLUGINS: Final = ("-p", "timeout", "-p", "tests.support.machine.longest_first")
"""What limits tests, and the one under test; those of the examples are none."""

EXAMPLES: Final = {
    "test_usual.py": "def test_it():\n    pass\n",
    "test_unlimited.py": "@pytest.mark.timeout(0)\ndef test_it():\n    pass\n",
    "test_long.py": (
        "def test_usual():\n    pass\n\n\n"
        "@pytest.mark.timeout(timeout=600)\ndef test_it():\n    pass\n"
    ),
    "test_left_out.py": "@pytest.mark.timeout(900)\n@pytest.mark.skip\ndef test_it():\n    pass\n",
    "test_short.py": "@pytest.mark.timeout(5)\ndef test_it():\n    pass\n",
}


def order(folder: Path, *arguments: str) -> list[tuple[str, str]]:
    """Return the tests of the examples in the order in which they are run."""
    for name, body in EXAMPLES.items():
        (folder / name).write_text(f"import pytest\n\n\n{body}", encoding="utf-8")
    (folder / "pyproject.toml").write_text('[tool.pytest]\ntimeout = "60"\n', encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", *PLUGINS, *arguments],
        cwd=folder,
        env={
            "PATH": os.defpath,
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        },
        check=True,
        capture_output=True,
        text=True,
        timeout=50,
    )
    return re.findall(r"^(\w+)\.py::(\w+) ", ended.stdout, re.MULTILINE)


def test_files_come_by_the_longest_limit_of_their_tests(tmp_path: Path) -> None:
    assert order(tmp_path) == [
        ("test_unlimited", "test_it"),
        ("test_left_out", "test_it"),
        ("test_long", "test_usual"),
        ("test_long", "test_it"),
        ("test_usual", "test_it"),
        ("test_short", "test_it"),
    ]


def test_what_is_not_chosen_does_not_count(tmp_path: Path) -> None:
    assert order(tmp_path, "-k", "usual") == [
        ("test_long", "test_usual"),
        ("test_usual", "test_it"),
    ]
