"""Work aside gives what it gives, and what hangs there keeps no process from ending."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

import pytest

from torghut.adapters.system.threads import ThreadsAside

WITHIN_S: Final = 5.0

HANGS = """
import asyncio, threading
from torghut.adapters.system.interpreter import run_service
from torghut.adapters.system.threads import ThreadsAside

async def main():
    loop = asyncio.get_running_loop()
    aside = ThreadsAside()
    await loop.run_in_executor(aside, int)  # leaves an idle thread
    loop.run_in_executor(aside, threading.Event().wait)
    await asyncio.sleep(0.1)
    await loop.run_in_executor(aside, int)
    print("ended", flush=True)

run_service(main())
"""


def test_what_is_done_aside_gives_its_result_or_its_error() -> None:
    aside = ThreadsAside()

    assert aside.submit(divmod, 7, 2).result(5) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        aside.submit(divmod, 7, 0).result(5)


def test_what_hangs_keeps_no_process_from_ending() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", HANGS], check=False, capture_output=True, text=True, timeout=20
    )

    assert (ended.returncode, ended.stdout) == (0, "ended\n"), ended.stderr


def eventually(so: Callable[[], bool]) -> bool:
    """Say whether it is so before long."""
    for _ in range(5_000):
        if so():
            return True
        time.sleep(0.001)
    return False


def test_thread_that_is_idle_does_what_comes_next() -> None:
    aside = ThreadsAside()
    first = aside.submit(threading.current_thread).result(WITHIN_S)

    assert eventually(lambda: aside.submit(threading.current_thread).result(WITHIN_S) is first)


def test_no_work_waits_for_what_hangs() -> None:
    aside, ended = ThreadsAside(), threading.Event()
    aside.submit(int).result(WITHIN_S)
    hanging = [aside.submit(ended.wait) for _ in range(3)]

    assert aside.submit(divmod, 7, 2).result(WITHIN_S) == (3, 1)
    assert not any(one.done() for one in hanging)
    ended.set()
    assert all(one.result(WITHIN_S) for one in hanging)


def test_idle_thread_ends_after_a_while() -> None:
    aside = ThreadsAside(idle_s=0.01)
    thread = aside.submit(threading.current_thread).result(WITHIN_S)

    thread.join(WITHIN_S)

    assert not thread.is_alive()
    assert aside.submit(divmod, 7, 2).result(WITHIN_S) == (3, 1)


def test_work_that_comes_while_threads_end_is_done() -> None:
    aside = ThreadsAside(idle_s=0.0001)

    def ask() -> None:
        for number in range(200):
            assert aside.submit(divmod, number, 7).result(WITHIN_S) == divmod(number, 7)
            time.sleep(0.0001)  # about when the thread ends

    asking = [ThreadsAside().submit(ask) for _ in range(4)]
    for one in asking:
        one.result(30)


def test_idle_thread_keeps_nothing_of_what_it_did() -> None:
    class Big:
        """What is let go of."""

    aside, big = ThreadsAside(), Big()
    gone = weakref.ref(big)
    aside.submit(id, big).result(WITHIN_S)
    del big

    assert eventually(lambda: gone() is None)
