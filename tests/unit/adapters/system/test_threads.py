"""Work aside gives what it gives, and what hangs there keeps no process from ending."""

from __future__ import annotations

import subprocess
import sys

import pytest

from torghut.adapters.system.threads import ThreadsAside

HANGS = """
import asyncio, threading
from torghut.adapters.system.event_loop import run_service
from torghut.adapters.system.threads import ThreadsAside

async def main():
    loop = asyncio.get_running_loop()
    loop.run_in_executor(ThreadsAside(), threading.Event().wait)
    await asyncio.sleep(0.1)
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
