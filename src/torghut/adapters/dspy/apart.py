"""Calls for those who may only wait: an event loop in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import dspy
from typing_extensions import override

from torghut.adapters.dspy.engine import CURRENT_RUN, ChatModel, Said
from torghut.kernel.clock import SteadyClock
from torghut.reasoning.errors import DeadlineError
from torghut.schemas.reasoning.record import ModelParameters
from torghut.workflows.reasoning.ports import Caller

T = TypeVar("T")

CALL_S: Final = 60.0
"""Longest wait for one call: a model that takes longer would never be served in time."""


class WaitingModel(ChatModel):
    """A model for a thread, which waits for what is answered in another one's event loop.

    Args:
        caller: Brings a request to the endpoint, and its reply back.
        parameters: Of the model.
        apart: Where calls are made.
    """

    def __init__(self, caller: Caller, parameters: ModelParameters, apart: Apart) -> None:
        super().__init__(caller, parameters, apart.steady)
        self._loop = apart.loop

    @override
    def __call__(
        self, prompt: str | None = None, *, messages: Sequence[Said] = (), **_wanted: object
    ) -> list[str]:
        """Return the one answer."""
        asking = self.acall(prompt, messages=messages)
        answered = asyncio.run_coroutine_threadsafe(asking, self._loop)
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

    def model(self, caller: Caller, parameters: ModelParameters) -> dspy.BaseLM:
        """Return a language model that optimisers may call and wait for."""
        return WaitingModel(caller, parameters, self)


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
