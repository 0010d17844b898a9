"""Commands that talk to a live service: the same stream as a trading loop's, and exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.fakes.live_service import FakeLiveService, refused
from tests.support.live.live_clients import served
from tests.support.machine.commands import typed
from torghut.workflows.live.access.errors import RoleMissingError


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLiveService]:
    """Yield a fake that commands find by the environment."""
    with served() as running:
        monkeypatch.setenv("TORGHUT_URL", running.url)
        yield running


def control_file(folder: Path, *records: Mapping[str, object]) -> str:
    path = folder / "controls.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return str(path)


STOP = {"kind": "stop", "control_id": "s1", "state": "stopped", "reason": "drill"}
RELEASE = {"kind": "stop", "control_id": "s2", "state": "released", "reason": "drill"}


def test_tail_prints_what_is_there_for_people(service: FakeLiveService) -> None:
    service.tell(1)
    service.lines.append(refused("0:1:0", 99))
    ended = typed("decision", "tail")

    assert ended.status == 0
    assert ended.out.splitlines() == [
        "0:0:0  2014-05-05T12:00:00Z  fxcm:EURUSD  buy to +1000 EUR  act",
        "0:1:0  2014-05-05T12:01:39Z  fxcm:EURUSD  market.crossed-book  refused",
    ]


def test_tail_prints_the_service_s_own_lines_for_machines(service: FakeLiveService) -> None:
    service.tell(3)
    ended = typed("decision", "tail", "--after", "0:0:0", "--json")

    assert ended.out.splitlines() == service.lines[1:]


def test_records_are_sent_and_answered_and_count_once(
    service: FakeLiveService, tmp_path: Path
) -> None:
    file = control_file(tmp_path, STOP, RELEASE)
    ended = typed("control", "send", file, "--json")
    again = typed("control", "send", file)

    assert ended.status == again.status == 0
    assert [one["status"] for one in ended.json["answers"]] == ["taken", "taken"]
    assert [line.split()[:2] for line in again.out.splitlines()[2:]] == [
        ["s1", "repeated"],
        ["s2", "repeated"],
    ]
    assert list(service.records) == ["s1", "s2"]


def test_reasoning_mode_is_a_record_with_its_reason(service: FakeLiveService) -> None:
    ended = typed("reasoning", "mode", "off", "--reason", "it advises badly", "--json")

    assert ended.status == 0
    assert [one["status"] for one in ended.json["answers"]] == ["taken"]
    (taken,) = service.records.values()
    assert {name: taken[name] for name in ("kind", "mode", "reason", "symbol")} == {
        "kind": "reasoning-mode",
        "mode": "off",
        "reason": "it advises badly",
        "symbol": "*",
    }


def test_control_tail_prints_where_records_applied(service: FakeLiveService) -> None:
    recorded = {"type": "live.control-recorded.v1", "position": "0:1:0", "control_id": "s1"}
    applied = {"type": "live.control-applied.v1", "position": "0:1:0", "control_id": "s1"}
    service.control_lines = [
        json.dumps({**recorded, "status": "taken", "code": "", "record": STOP}),
        json.dumps({**applied, "symbol": "fxcm:EURUSD", "contexts_before": 7}),
    ]

    assert typed("control", "tail").out.splitlines() == [
        "0:1:0  taken  s1",
        "0:1:0  applied  s1  fxcm:EURUSD after 7 contexts",
    ]
    assert typed("control", "tail", "--json").out.splitlines() == service.control_lines


def test_record_that_is_not_answered_ends_with_6(service: FakeLiveService, tmp_path: Path) -> None:
    service.answering = False
    ended = typed("control", "send", control_file(tmp_path, STOP), "--budget-ms", "300")

    assert ended.status == 6
    assert ended.err.startswith("client.answer-late: ")


def test_record_that_the_service_cannot_answer_in_time_ends_with_6(
    service: FakeLiveService, tmp_path: Path
) -> None:
    service.faults["s1"] = [{"code": "live.answer-late", "retry_after_ms": None}] * 1000
    ended = typed("control", "send", control_file(tmp_path, STOP), "--budget-ms", "300")

    assert ended.status == 6
    assert ended.err.startswith("client.answer-late: ")


def test_record_that_is_not_taken_ends_with_1(service: FakeLiveService, tmp_path: Path) -> None:
    service.faults["s1"] = [{"code": RoleMissingError.code, "retry_after_ms": None}]
    ended = typed("control", "send", control_file(tmp_path, STOP))

    assert ended.status == 1
    assert "expected it to be taken, found live.role-missing: as told" in ended.err
    assert service.records == {}


def test_what_is_no_record_ends_with_2_and_nothing_is_sent(
    service: FakeLiveService, tmp_path: Path
) -> None:
    ended = typed("control", "send", control_file(tmp_path, STOP, {"kind": "weather"}))

    assert ended.status == 2
    assert service.offered == []


def test_position_or_address_that_is_none_ends_with_2() -> None:
    assert typed("decision", "tail", "--after", "yesterday").status == 2
    assert typed("control", "tail", "--after", "yesterday").status == 2
    assert typed("decision", "tail", "--url", "ftp://host").status == 2


def test_wrong_token_ends_with_2(service: FakeLiveService, tmp_path: Path) -> None:
    service.token = "right"  # noqa: S105 - of a fake
    (tmp_path / "token").write_text("wrong", encoding="ascii")

    assert typed("decision", "tail", "--token-file", str(tmp_path / "token")).status == 2


def test_service_that_is_not_there_ends_with_7(tmp_path: Path) -> None:
    ended = typed("decision", "tail", "--url", f"unix://{tmp_path}/none", "--budget-ms", "200")

    assert ended.status == 7
    assert ended.err.startswith("client.unreachable: ")
