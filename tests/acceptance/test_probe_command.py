"""``torghut reasoning probe``, typed: each stage on its line, its exit status, and no key."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.live.advised import MODEL, stand_in
from tests.support.machine.commands import Ended, run_apart

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

KEY: Final = "sk-a-secret-that-nobody-may-see"
LINES: Final = [
    "name (DNS)",
    "connection",
    "encryption (TLS)",
    "authentication",
    "answer",
    "schema",
    "latency",
]
STAGES: Final = ["name", "connection", "encryption", "authentication", "answer", "schema"]
_LINE: Final = re.compile(r"^ ([a-z]+(?: \([A-Z]+\))?) {2,}(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """The command as it ended, for people and for machines.

    Attributes:
        people: As it was typed.
        machines: With ``--json``.
    """

    people: Ended
    machines: Ended

    @property
    def lines(self) -> Sequence[tuple[str, str]]:
        """The first two words of each line of its table."""
        found: Sequence[tuple[str, str]] = _LINE.findall(self.people.out)
        return found[1:]  # the first has the headings

    @property
    def stages(self) -> Sequence[dict[str, Any]]:
        """The stages, for machines."""
        found: Sequence[dict[str, Any]] = self.machines.json["stages"]
        return found


def probed(folder: Path, script: str) -> Typed:
    """Type the command against an endpoint, with a key, and check that nothing says the key."""
    key = folder / "endpoint.key"
    key.write_text(KEY, encoding="utf-8")
    key.chmod(0o600)
    with stand_in(folder, script) as (url, _):
        variables = {
            "TORGHUT_REASONING_ENDPOINT": url,
            "TORGHUT_REASONING_MODEL": MODEL,
            "TORGHUT_REASONING_KEY_FILE": str(key),
        }
        people, machines = (
            run_apart(folder, "reasoning", "probe", *words, variables=variables)
            for words in ([], ["--json"])
        )
    for ended in (people, machines):
        assert KEY not in ended.out + ended.err
    assert people.status == machines.status
    assert machines.json["endpoint"] == url
    assert machines.json["model"] == MODEL
    assert machines.json["elapsed_ns"] == sum(
        one["elapsed_ns"] or 0 for one in machines.json["stages"]
    )
    return Typed(people=people, machines=machines)


def test_probe_of_a_good_endpoint_says_each_stage_on_a_line(tmp_path: Path) -> None:
    typed = probed(tmp_path, "good")

    assert typed.people.status == 0, typed.people.err
    assert [name for name, _ in typed.lines] == LINES
    assert [said for _, said in typed.lines[:-1]] == ["ok"] * len(STAGES)
    assert float(typed.lines[-1][1]) > 0
    assert [(one["name"], one["passed"], one["code"]) for one in typed.stages] == [
        (name, True, None) for name in STAGES
    ]
    assert all(one["detail"] for one in typed.stages)


@pytest.mark.parametrize(
    ("script", "passed", "code"),
    [
        ("status-401", 3, "reasoning.endpoint-unauthorised"),
        ("echo-key", 5, "reasoning.reply-malformed"),
    ],
)
def test_probe_that_fails_ends_at_its_stage_and_with_7(
    tmp_path: Path, script: str, passed: int, code: str
) -> None:
    typed = probed(tmp_path, script)

    assert typed.people.status == 7
    assert [name for name, _ in typed.lines] == [*LINES[: passed + 1], "latency"]
    assert [said for _, said in typed.lines[:-1]] == ["ok"] * passed + [code]
    assert [(one["name"], one["passed"], one["code"]) for one in typed.stages] == [
        *((name, True, None) for name in STAGES[:passed]),
        (STAGES[passed], False, code),
    ]
