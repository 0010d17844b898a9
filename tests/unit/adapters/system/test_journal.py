"""Log lines are whole JSON objects, hold no secret, and are lost rather than waited for."""

from __future__ import annotations

import json
import os
import select
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, SupportsIndex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from tests.fakes.clock import HandClock, Stopwatch
from torghut.adapters.system.journal import LINE_BYTES_MAX, PER_SECOND_MAX, StderrJournal
from torghut.schemas.observing.levels import Level
from torghut.schemas.observing.log_event import LogEvent
from torghut.schemas.observing.log_events import (
    BlockCommitted,
    Defect,
    DegradedBegun,
    ServeEnded,
)


@dataclass(slots=True)
class Pipe:
    """A journal that writes into a pipe, and what a reader of it finds."""

    level: Level = "info"
    lost: int = 0
    clock: Stopwatch = field(default_factory=Stopwatch)
    ends: tuple[int, int] = field(default_factory=os.pipe)
    journal: StderrJournal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = StderrJournal(
            worker="w-1",
            level=self.level,
            wall=HandClock(),
            steady=self.clock,
            dropped=self._lose,
            descriptor=self.ends[1],
        )

    def _lose(self) -> None:
        self.lost += 1

    def lines(self) -> list[Mapping[str, object]]:
        """Take out everything that was written."""
        text = b""
        while select.select([self.ends[0]], [], [], 0)[0]:
            chunk = os.read(self.ends[0], 1 << 20)
            if not chunk:
                break
            text += chunk
        assert not text or text.endswith(b"\n")
        return [json.loads(line) for line in text.splitlines()]

    def close(self) -> None:
        """Let go of both ends, whatever was closed before."""
        for end in self.ends:
            try:
                os.close(end)
            except OSError:
                continue


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def defect(detail: str, where: str = "here") -> Defect:
    return Defect(where=where, error="ValueError", detail=detail)


def test_a_line_says_when_who_and_what_and_what_it_belongs_to(pipe: Pipe) -> None:
    pipe.journal.say(DegradedBegun(code="lag", detail="behind"), correlation_id="0:12")

    assert pipe.lines() == [
        {
            "time": "2023-11-14T22:13:20.000000Z",
            "level": "warning",
            "event": "degraded.begun",
            "worker": "w-1",
            "correlation_id": "0:12",
            "code": "lag",
            "detail": "behind",
        }
    ]


@pytest.mark.parametrize(("level", "expected"), [("debug", 1), ("info", 0), ("error", 0)])
def test_what_is_less_grave_than_asked_for_is_not_written(level: Level, expected: int) -> None:
    pipe = Pipe(level=level)

    pipe.journal.say(
        BlockCommitted(
            block=1,
            contexts=1,
            refused=0,
            control_records=0,
            decide_seconds=0.1,
            commit_seconds=0.1,
        )
    )

    assert (len(pipe.lines()), pipe.lost) == (expected, 0)
    pipe.close()


def test_a_secret_is_hidden_wherever_it_turns_up(pipe: Pipe) -> None:
    pipe.journal.hide("s3cret-token-of-mine")

    pipe.journal.say(
        defect("bearer s3cret-token-of-mine, refused", where="s3cret-token-of-mine"),
        correlation_id="s3cret-token-of-mine",
    )
    pipe.journal.say(defect("x" * 990 + "s3cret-token-of-mine"))

    first, second = pipe.lines()
    assert "s3cret" not in json.dumps([first, second])
    assert first["detail"] == "bearer [hidden], refused"
    assert first["correlation_id"] == first["where"] == "[hidden]"


def test_a_field_that_could_hold_a_secret_is_hidden_whatever_it_holds(pipe: Pipe) -> None:
    @dataclass(frozen=True, slots=True, kw_only=True)
    class Careless(LogEvent):
        name: ClassVar[str] = "careless"
        level: ClassVar[Level] = "error"

        api_token: str
        authorization: str
        who: str

    pipe.journal.say(Careless(api_token="abc", authorization="Bearer abc", who="me"))  # noqa: S106

    [line] = pipe.lines()
    assert (line["api_token"], line["authorization"], line["who"]) == ("[hidden]", "[hidden]", "me")


@settings(max_examples=50)
@given(st.text(max_size=3000), st.text(max_size=3000), st.text(max_size=300))
def test_whatever_it_says_a_line_is_one_and_whole(detail: str, where: str, belongs: str) -> None:
    pipe = Pipe()

    pipe.journal.say(defect(detail, where), correlation_id=belongs)

    [line] = pipe.lines()
    assert line["event"] == "defect"
    assert pipe.lost == 0
    if len(detail) <= 100 and len(where) <= 100:
        assert (line["detail"], line["where"]) == (detail, where)
    pipe.close()


def test_a_long_line_is_cut_to_what_a_pipe_takes_at_once(pipe: Pipe) -> None:
    pipe.journal.say(defect("\x00" * 100_000, "\U0001f600" * 100_000))

    os.set_blocking(pipe.ends[0], False)
    assert len(os.read(pipe.ends[0], 1 << 20)) <= LINE_BYTES_MAX


def test_text_that_is_no_unicode_is_written_all_the_same(pipe: Pipe) -> None:
    pipe.journal.say(defect("name \udcff"))

    assert pipe.lines()[0]["detail"] == "name \\udcff"


def test_who_reads_nothing_holds_up_nobody_and_lines_are_counted_as_lost(pipe: Pipe) -> None:
    for second in range(30):
        pipe.clock.time_ns = second * 1_000_000_000
        for _ in range(50):
            pipe.journal.say(defect("x" * 1000))

    written = len(pipe.lines())
    assert written > 0
    assert written + pipe.lost == 30 * 50


def test_what_was_full_takes_lines_again(pipe: Pipe) -> None:
    for _ in range(80):
        pipe.journal.say(defect("x" * 1000))
    pipe.lines()

    pipe.clock.time_ns += 1_000_000_000
    pipe.journal.say(defect("again"))

    assert [line["detail"] for line in pipe.lines()] == ["again"]


@pytest.mark.parametrize("end", [0, 1])
def test_a_closed_pipe_is_no_failure(pipe: Pipe, end: int) -> None:
    os.close(pipe.ends[end])

    pipe.journal.say(defect("nobody"))

    assert pipe.lost == 1


def test_a_full_disk_is_no_failure() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full: only Linux has it")
    pipe = Pipe()
    pipe.journal.descriptor = os.open("/dev/full", os.O_WRONLY)

    pipe.journal.say(defect("no room"))

    assert pipe.lost == 1
    os.close(pipe.journal.descriptor)
    pipe.close()


def test_a_torn_line_does_not_spoil_the_next(
    pipe: Pipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "log"
    pipe.journal.descriptor = os.open(file, os.O_WRONLY | os.O_CREAT)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:20]))
    pipe.journal.say(defect("torn"))
    monkeypatch.undo()

    pipe.journal.say(defect("whole"))

    torn, whole = file.read_bytes().splitlines()
    assert len(torn) == 20
    assert json.loads(whole)["detail"] == "whole"
    assert pipe.lost == 1
    os.close(pipe.journal.descriptor)


def test_lines_of_one_event_that_come_too_fast_are_lost_and_the_next_says_so(pipe: Pipe) -> None:
    for _ in range(PER_SECOND_MAX + 7):
        pipe.journal.say(ServeEnded(exit_code=0, error_code="", waiting=0))
    pipe.journal.say(defect("of another event"))
    assert len(pipe.lines()) == PER_SECOND_MAX + 1

    pipe.clock.time_ns += 1_000_000_000
    pipe.journal.say(ServeEnded(exit_code=0, error_code="", waiting=0))

    assert [line.get("passed_over") for line in pipe.lines()] == [7]
    assert pipe.lost == 7


def test_a_token_that_another_thread_hides_meanwhile_breaks_no_line() -> None:
    pipe = Pipe()
    hiding: list[threading.Thread] = []

    class Meanwhile(str):
        """A text in which a secret is looked for just when another one comes to be known."""

        __slots__ = ()

        @override
        def replace(self, old: str, new: str, count: SupportsIndex = -1, /) -> str:
            thread = threading.Thread(target=pipe.journal.hide, args=(f"another-{len(hiding)}",))
            thread.start()
            thread.join(0.05)
            hiding.append(thread)
            return str(self)

    pipe.journal.hide("a-secret")
    pipe.journal.hide("one-more-secret")
    pipe.journal.say(Defect(where="here", error="E", detail=Meanwhile("fine")))
    for thread in hiding:
        thread.join()
    pipe.journal.say(Defect(where="here", error="E", detail="another-0"))

    assert [line["detail"] for line in pipe.lines()] == ["fine", "[hidden]"]
