"""What failed because the server went away is tried again, until it is back or the budget ends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from asyncpg import DiskFullError

from tests.fakes.virtual_time import run_virtually
from torghut.adapters.postgres.regaining import regained


@dataclass(slots=True)
class Away:
    """A server that is away until so many attempts were made.

    Attributes:
        until: The attempt that is answered.
        fault: What the others are told.
        at_s: When each attempt was made.
    """

    until: int
    fault: Exception = field(default_factory=ConnectionResetError)
    at_s: list[float] = field(default_factory=list)

    async def ask(self) -> int:
        """Try once."""
        self.at_s.append(asyncio.get_running_loop().time())
        if len(self.at_s) < self.until:
            raise self.fault
        return len(self.at_s)


def test_server_that_comes_back_answers() -> None:
    away = Away(until=9)

    async def test() -> None:
        assert await regained(away.ask, within_ms=30_000) == 9

    run_virtually(test())
    pauses = [later - before for before, later in zip(away.at_s, away.at_s[1:], strict=False)]
    assert pauses == pytest.approx([0.02, 0.04, 0.08, 0.16, 0.32, 0.5, 0.5, 0.5])


def test_last_fault_is_told_once_the_budget_ends() -> None:
    away = Away(until=1_000)

    async def test() -> None:
        with pytest.raises(ConnectionResetError):
            await regained(away.ask, within_ms=2_000)
        assert away.at_s[-1] - away.at_s[0] <= 2.0

    run_virtually(test())


def test_fault_that_does_not_pass_is_told_at_once() -> None:
    away = Away(until=2, fault=DiskFullError())

    async def test() -> None:
        with pytest.raises(DiskFullError):
            await regained(away.ask, within_ms=30_000)

    run_virtually(test())
    assert len(away.at_s) == 1
