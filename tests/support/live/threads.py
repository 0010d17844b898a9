"""Something that goes on in a thread beside a test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def beside(work: Callable[[], None], ended: threading.Event) -> Iterator[None]:
    """Let ``work`` go on while the block runs; ``ended`` tells it when that is over."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
