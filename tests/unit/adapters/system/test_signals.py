"""The first signal asks to stop; afterwards signals do what they did before."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from torghut.adapters.system.signals import (
    end_on_terminate,
    interrupt_on_terminate,
    stop_on_signals,
)


@pytest.mark.parametrize(
    ("number", "interrupted"), [(signal.SIGINT, True), (signal.SIGTERM, False)]
)
def test_signal_asks_to_stop_and_ends_a_pause(number: signal.Signals, interrupted: bool) -> None:  # noqa: FBT001
    async def wait() -> bool:
        with stop_on_signals() as stopping:
            os.kill(os.getpid(), number)
            await stopping.pause(60.0)
            assert stopping.asked.is_set()
            return stopping.interrupted

    assert asyncio.run(wait()) is interrupted


def test_pause_ends_without_a_signal() -> None:
    async def wait() -> bool:
        with stop_on_signals() as stopping:
            await stopping.pause(0.0)
            return stopping.asked.is_set()

    assert asyncio.run(wait()) is False


def test_second_signal_has_its_usual_effect() -> None:
    async def wait() -> None:
        with stop_on_signals() as stopping:
            os.kill(os.getpid(), signal.SIGINT)
            await stopping.pause(60.0)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(wait())


def test_terminating_before_there_is_anything_to_finish_ends_well() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(SystemExit) as end, end_on_terminate():
        signal.raise_signal(signal.SIGTERM)

    assert end.value.code == 0
    assert signal.getsignal(signal.SIGTERM) == before


def test_end_of_input_asks_to_stop_where_that_was_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr("torghut.adapters.system.signals._INPUT", reading)

    async def wait() -> list[bool]:
        with stop_on_signals(at_end_of_input=True) as stopping:
            os.write(writing, b"something of no interest")
            await stopping.pause(0.05)
            before = stopping.asked.is_set()
            os.close(writing)
            await stopping.pause(60.0)
            return [before, stopping.asked.is_set()]

    assert asyncio.run(wait()) == [False, True]
    os.close(reading)


def test_terminating_what_has_begun_things_interrupts_it() -> None:
    before = signal.getsignal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), interrupt_on_terminate():
        signal.raise_signal(signal.SIGTERM)

    assert signal.getsignal(signal.SIGTERM) == before
