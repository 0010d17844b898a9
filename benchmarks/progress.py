"""Progress: seconds that count up on a terminal while a measurement goes on; elsewhere a line each.

A thread writes them once a second, which costs what is measured some microseconds a second.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_EVERY_S: Final = 1.0
_CLEAR: Final = "\r\x1b[K"


def say(text: str) -> None:
    """Print a line of its own beside the figures."""
    clear = _CLEAR if sys.stderr.isatty() else ""
    print(f"{clear}{text}", file=sys.stderr, flush=True)


@contextmanager
def counting(what: str) -> Iterator[None]:
    """Show that ``what`` goes on until the block ends, and then how long it took."""
    begin, done = time.perf_counter(), threading.Event()
    ticking = threading.Thread(target=_tick, args=(what, begin, done), daemon=True)
    if sys.stderr.isatty():
        ticking.start()
    else:
        say(f"measuring {what}")
    try:
        yield
    finally:
        done.set()
        if ticking.is_alive():
            ticking.join()
    say(f"measured {what} in {time.perf_counter() - begin:.0f} s")


def _tick(what: str, begin: float, done: threading.Event) -> None:
    """Write the seconds since ``begin`` over those before."""
    while True:
        print(
            f"{_CLEAR}measuring {what}: {time.perf_counter() - begin:.0f} s",
            end="",
            file=sys.stderr,
            flush=True,
        )
        if done.wait(_EVERY_S):
            return
