"""Running a coroutine on the faster event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

import uvloop

T = TypeVar("T")


def run_service(main: Coroutine[None, None, T]) -> T:
    """Run ``main`` to its end in an event loop of its own, and return what it gives."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
