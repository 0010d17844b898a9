"""What a process that serves asks of the interpreter: a fast event loop, and no long pauses."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Coroutine
from typing import Final, TypeVar

import uvloop

T = TypeVar("T")

_YOUNG_MAX: Final = 20_000
"""New objects, less those that were let go of, after which a collection looks at them."""

_SWITCH_S: Final = 2e-3
"""How long a thread that wants the interpreter waits for one that does not let go of it.

By default it is 5 ms, in which commits wait for each other. In much less two threads at work take
the interpreter from each other in the middle of everything, and where other processes want the
cores too, each such change waits for one: at 50 us a worker that was half busy stood in that line
for half as long as it ran.
"""


def run_service(main: Coroutine[None, None, T]) -> T:
    """Run ``main`` to its end in an event loop of its own, and return what it gives."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_S)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(main)
    finally:
        sys.setswitchinterval(before_s)


def keep_for_good() -> None:
    """Let the garbage collector leave alone whatever there is by now; for who is about to serve.

    And let it look more rarely at what is new: hundreds of contexts are under way at any time, and
    looked at after every 700 objects, as is usual, each of them is looked at again and again.

    Modules, declarations and validators live as long as the process. Looking through them at every
    full collection, some 170,000 objects, stops all of its threads for about 100 ms on this
    service's usual machine, which is many times what an outcome takes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_MAX)
