"""Whatever comes over the socket, or goes wrong behind it, no other question suffers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import pytest

from torghut.adapters.reasoning.inquiring import SocketAdvisor
from torghut.adapters.reasoning.listening import listening
from torghut.workflows.live.advice.awaiting import Answer, Question
from torghut.workflows.reasoning.advising import AdvisingDesk, Inquiry
from torghut.workflows.reasoning.finding import Finding

pytestmark = pytest.mark.enable_socket

FOUND_S: Final = 5.0


@dataclass(slots=True)
class Desk:
    """Answers by the name of the context.

    Attributes:
        missed: Contexts whose questions ended by a defect.
    """

    missed: list[str] = field(default_factory=list)

    @property
    def witness(self) -> Desk:
        """Who is told of defects."""
        return self

    def failed(self, context_id: str, _: Exception) -> None:
        """Take a defect in."""
        self.missed.append(context_id)

    async def advise(self, inquiry: Inquiry) -> Finding:
        """Answer, or not."""
        await asyncio.sleep(0.05)
        if inquiry.context_id == name(2):
            message = "a defect"
            raise RuntimeError(message)
        tokens = None if inquiry.context_id == name(3) else 700
        return Finding(outcome="approve", confidence=0.5, tokens=tokens)


def name(number: int) -> str:
    """Return the id of a context."""
    return f"{'cd' * 16}:binance-spot:ETHUSDT:quote:{number}"


def question(number: int) -> Question:
    """Return a question."""
    return Question(
        context_id=name(number),
        symbol="binance-spot:ETHUSDT",
        row=b"\x00",
        regimes=(),
        multiplier=1.0,
        deadline_ns=1 << 61,
    )


async def asked(
    path: Path, numbers: Sequence[int], spent: Callable[[int], None] = lambda _: None
) -> dict[int, Answer]:
    """Return what becomes of questions that are asked at once."""
    connected, answers = list[bool](), dict[int, Answer]()
    advisor = SocketAdvisor(path, connected.append, spent)
    running = asyncio.ensure_future(advisor.run())
    try:
        await until(lambda: connected == [True])
        for number in numbers:
            advisor.ask(question(number), taker(answers, number))
        await until(lambda: len(answers) == len(numbers))
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    return answers


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(int(FOUND_S / 0.01)):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never held")


def taker(answers: dict[int, Answer], number: int) -> Callable[[Answer], None]:
    """Return what takes an answer in."""
    return lambda answer: answers.update({number: answer})


def test_question_that_ends_by_a_defect_ends_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()

    async def main() -> dict[int, Answer]:
        async with listening(cast("AdvisingDesk", desk), tmp_path / "a.sock"):
            return await asked(tmp_path / "a.sock", [1, 2, 3])

    with caplog.at_level(logging.ERROR):
        answers = asyncio.run(main())

    assert [answers[n].resolution for n in (1, 2, 3)] == ["approve", "failed", "approve"]
    assert answers[2].code == "reasoning.defect"
    assert desk.missed == [name(2)]
    assert not caplog.messages


def test_tokens_that_questions_used_are_told_as_far_as_they_are_known(tmp_path: Path) -> None:
    spent: list[int] = []

    async def main() -> None:
        async with listening(cast("AdvisingDesk", Desk()), tmp_path / "a.sock"):
            await asked(tmp_path / "a.sock", [1, 3, 4], spent.append)

    asyncio.run(main())

    assert sorted(spent) == [0, 700, 700]


@pytest.mark.parametrize("line", [b"\xff\xfe\n", b"{}\n", b"x" * 100_000 + b"\n"])
def test_line_that_is_no_question_is_passed_by(
    tmp_path: Path, line: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> dict[int, Answer]:
        path = tmp_path / "a.sock"
        async with listening(cast("AdvisingDesk", Desk()), path):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(line)
            await writer.drain()
            answers = await asked(path, [1])
            writer.close()
            return answers

    with caplog.at_level(logging.ERROR):
        assert asyncio.run(main())[1].resolution == "approve"
    assert not caplog.messages


@pytest.mark.parametrize(
    "nonsense",
    [
        '"resolution":"adjust","factor":null,"confidence":0.5',
        '"resolution":"failed","factor":null,"confidence":0.5',
        '"resolution":"buy","factor":null,"confidence":null',
    ],
)
def test_answer_that_is_none_is_not_heard(tmp_path: Path, nonsense: str) -> None:
    path = tmp_path / "a.sock"
    told = f'{{"context_id":"{name(1)}",{nonsense},"advice":null,"code":""}}\n'

    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(told.encode())
        await asyncio.sleep(0.2)
        writer.close()

    async def main() -> dict[int, Answer]:
        server = await asyncio.start_unix_server(babble, path)
        async with server:
            return await asked(path, [1])

    # The connection's end answers: until then the loop's own timer has the say.
    assert asyncio.run(main())[1].code == "reasoning.process-gone"


def test_file_in_the_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "torghut.log"
    path.write_bytes(b"a log")

    async def main() -> None:
        async with listening(cast("AdvisingDesk", Desk()), path):
            pass

    with pytest.raises(FileExistsError):
        asyncio.run(main())
    assert path.read_bytes() == b"a log"
