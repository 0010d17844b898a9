"""Every environment is pinned with hashes, and all of them come from one resolution."""

from __future__ import annotations

import re
import tomllib
from typing import Final

import pytest

from tests.architecture.tree import ROOT

FOLDER: Final = ROOT / "requirements"
HASHED: Final = ("base", "demo", "dev", "servers", "reasoning", "lab")
PIN: Final = re.compile(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^ \\\n]+)(.*)$", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    """Return the versions that one file pins, by package."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    return {package: version for package, version, _ in PIN.findall(text)}


@pytest.mark.parametrize("name", HASHED)
def test_environment_agrees_with_the_one_resolution(name: str) -> None:
    assert pins(name).items() <= pins("constraints").items()


@pytest.mark.parametrize("name", [*HASHED, "bench", "pip"])
def test_every_pin_has_hashes(name: str) -> None:
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pinned = [index for index, line in enumerate(lines) if PIN.match(line)]

    assert len(pinned) == len([line for line in lines if not line.startswith("    --hash=sha256:")])
    assert [lines[i] for i in pinned if not lines[i + 1].startswith("    --hash=sha256:")] == []


def test_base_holds_what_the_project_declares_and_no_more_than_it_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = {re.split(r"[<>=]", line)[0] for line in project["dependencies"]}

    assert declared <= pins("base").keys()
    assert pins("base").keys().isdisjoint({"torch", "dspy", "faust-streaming", "pandas", "pyarrow"})


def test_development_runs_what_the_demo_and_the_base_run() -> None:
    assert pins("base").items() <= pins("demo").items() <= pins("dev").items()
