"""Calls for those who may only wait: an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import dspy
from dspy.lm15 import Request, Response
from typing_extensions import override

from torghut.adapters.dspy.engine import CURRENT_RUN, Blocking, ChatEngine
from torghut.adapters.dspy.program import language_model
from torghut.kernel.clock import SteadyClock
from torghut.reasoning.errors import DeadlineError
from torghut.schemas.reasoning.record import ModelParameters
from torghut.workflows.reasoning.ports import Caller

T = TypeVar("T")

CALL_S: Final = 60.0
"""Longest wait for one call: a model that takes longer would never be served in time."""


class _Waiting(Blocking):
    """Lets a thread wait for what an engine answers in another one's event loop."""

    def __init__(self, engine: ChatEngine, loop: asyncio.AbstractEventLoop) -> None:
        self._engine = engine
        self._loop = loop

    @override
    def complete(self, request: Request) -> Response:
        answered = asyncio.run_coroutine_threadsafe(self._engine.complete(request), self._loop)
        try:
            return answered.result(CALL_S)
        except TimeoutError as error:
            answered.cancel()
            raise DeadlineError(step=CURRENT_RUN.get().step) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """An event loop in a thread of its own, for those who may only wait.

    Attributes:
        loop: That runs there.
        steady: Measures calls.
    """

    loop: asyncio.AbstractEventLoop
    steady: SteadyClock

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Return what comes of some work there, whose own deadlines end it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def model(self, caller: Caller, parameters: ModelParameters) -> dspy.LM:
        """Return a language model that optimisers may call and wait for."""
        engine = ChatEngine(caller, parameters, self.steady)
        return language_model(engine, parameters, _Waiting(engine, self.loop))


@contextmanager
def apart(steady: SteadyClock) -> Iterator[Apart]:
    """Give an event loop that runs while the block lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield Apart(loop=loop, steady=steady)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
