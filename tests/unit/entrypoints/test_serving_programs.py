"""The process that asks ends for what it says that it ends for, and for nothing else in silence."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.virtual_time import run_virtually
from torghut.entrypoints.cli.reasoning.programs.asking import ended_by


async def gone() -> None:
    """Come back after a while: another program was promoted."""
    await asyncio.sleep(10.0)


async def broken() -> None:
    """Fail as nobody foresaw."""
    await asyncio.sleep(10.0)
    message = "a defect"
    raise RuntimeError(message)


def test_another_program_ends_it() -> None:
    async def serve() -> bool:
        return await ended_by(asyncio.Event(), gone())

    assert run_virtually(serve())


@pytest.mark.parametrize("looks", [True, False])
def test_whoever_asks_it_to_end_ends_it(looks: bool) -> None:  # noqa: FBT001 - a case
    async def serve() -> bool:
        asked = asyncio.Event()
        asyncio.get_running_loop().call_later(1.0, asked.set)
        return await ended_by(asked, gone() if looks else None)

    assert not run_virtually(serve())


def test_defect_of_the_look_is_told_and_taken_for_no_promotion() -> None:
    async def serve() -> bool:
        return await ended_by(asyncio.Event(), broken())

    with pytest.raises(RuntimeError, match="a defect"):
        run_virtually(serve())
