"""Every command of a runbook is typed against a real service, and shows what the page says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.support.decisions.declared import shipped
from tests.support.live.live_services import live_service
from tests.support.machine.runbooks import PAGES, commands_of, holds, words_of
from torghut.entrypoints.cli.program import COMMANDS
from torghut.settings import REVISION
from torghut.workflows.live.switch_ports import SWITCH_NAMES

SECTIONS: Final = ["Meaning", "Impact", "Diagnosis", "Mitigation", "Verify", "Undo"]


def test_there_is_a_page_for_the_stop_and_for_each_switch() -> None:
    named = {"LoopStopped" if name == "stop" else _title(name) for name in SWITCH_NAMES}

    assert {page.stem for page in PAGES} == named


def _title(name: str) -> str:
    """Return the name of a switch's page."""
    return "".join(word.capitalize() for word in name.split("-"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_has_its_sections_an_owner_and_commands_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    owner = re.search(r"^Owner: ([a-z]+)\.$", text, re.MULTILINE)

    assert text.startswith(f"# {page.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == SECTIONS
    assert owner is not None
    assert owner[1] in {one.role for one in shipped().owners.owners}
    for one in commands_of(page):
        words = words_of(one.command)
        assert any(" ".join(words[:count]) in COMMANDS for count in (1, 2, 3)), one.command
        assert one.shown, f"{one.command}: what must be seen?"


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_of_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    with live_service(tmp_path) as service:
        service.variables = {REVISION: "torghut-00042"}
        service.start()
        client = service.client()
        for one in commands_of(page):
            if words_of(one.command)[0] == "latch":
                continue  # typed where governance has stopped a loop: test_latch_commands.py
            service.decide(client)
            ended = service.typed(*words_of(one.command))
            assert ended.status == one.status, f"{one.command}\n{ended.out}{ended.err}"
            for line in one.shown:
                assert holds(line, ended.out), f"{one.command}\n{line}\nnot in\n{ended.out}"
        assert service.end() == 0
