"""The documentation leads somewhere: its links exist, and the front page stays short."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.tree import ROOT
from tests.support.machine.commands import typed

LINK: Final = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
ADR: Final = re.compile(r"\d{4}-[a-z0-9-]+\.md")
ADR_SECTIONS: Final = ("Status", "Context", "Decision", "Alternatives refused", "Consequences")

COMMAND: Final = re.compile(r"^\s*\$ (torghut .*)$", re.MULTILINE)
PLACEHOLDER: Final = re.compile(r"[A-Z]+|.*\.\w+")

PAGES: Final = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ADRS: Final = sorted((ROOT / "docs" / "adr").glob("*.md"))


def place(page: Path) -> str:
    """Return a page's path from the top of the checkout."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=place)
def test_links_lead_to_files_that_exist(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))

    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_front_page_is_read_in_two_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize("page", ADRS, ids=place)
def test_record_of_a_decision_is_complete_and_short(page: Path) -> None:
    lines = page.read_text(encoding="utf-8").splitlines()
    sections = tuple(line.removeprefix("## ") for line in lines if line.startswith("## "))

    assert ADR.fullmatch(page.name)
    assert lines[0].startswith(f"# {page.name[:4]} ")
    assert sections == ADR_SECTIONS
    assert len(lines) <= 60


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(page.name[:4]) for page in ADRS] == list(range(1, len(ADRS) + 1))


def documented_commands() -> dict[tuple[str, ...], set[str]]:
    """Return every ``torghut`` command in the documentation, with the options shown for it."""
    commands: dict[tuple[str, ...], set[str]] = {}
    for page in PAGES:
        for line in COMMAND.findall(page.read_text(encoding="utf-8")):
            words = shlex.split(line)[1:]
            options = {word for word in words if word.startswith("--")}
            first = next((i for i, w in enumerate(words) if w in options), len(words))
            nouns = tuple(word for word in words[:first] if not PLACEHOLDER.fullmatch(word))
            commands.setdefault(nouns, set()).update(options)
    return commands


DOCUMENTED: Final = documented_commands()


@pytest.mark.parametrize("command", sorted(DOCUMENTED), ids=" ".join)
def test_documented_command_exists_with_its_options(command: tuple[str, ...]) -> None:
    helped = typed(*command, "--help")

    assert helped.status == 0, helped.err
    assert {option for option in DOCUMENTED[command] if option not in helped.out} == set()


def test_the_installed_program_is_the_one_that_is_documented() -> None:
    program = Path(sys.executable).with_name("torghut")
    helped = subprocess.run(
        [program, "--help"], check=True, capture_output=True, text=True, timeout=30
    )

    assert helped.stdout == typed("--help").out
