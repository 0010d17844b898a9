"""An endpoint in this process whose behaviour a test changes from one question to the next."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from torghut.adapters.endpoint.script import Step
from torghut.adapters.endpoint.serving import Served, serve_endpoint


@dataclass(slots=True)
class Turning:
    """What an endpoint does with the next request.

    Attributes:
        fault: Its name.
        served: What it did so far.
    """

    fault: str = "good"
    served: Served = field(default_factory=Served)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.served.url

    def steps(self) -> Iterator[Step]:
        """Yield what is done with each request, as it is told by then."""
        while True:
            yield Step(fault=self.fault)


@contextlib.contextmanager
def turning_endpoint() -> Iterator[Turning]:
    """Give an endpoint that listens while the block lasts."""
    turning, ready, over = Turning(), threading.Event(), threading.Event()

    async def serve() -> None:
        async with serve_endpoint(turning.steps(), host="127.0.0.1", port=0) as served:
            turning.served = served
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield turning
    finally:
        over.set()
        thread.join(10)
