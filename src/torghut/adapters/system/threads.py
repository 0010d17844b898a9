"""Threads that nobody waits for at the end: what hangs in one keeps no process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final, ParamSpec, TypeVar

from typing_extensions import override

P = ParamSpec("P")
T = TypeVar("T")

Work = Callable[[], None]

_IDLE_S: Final = 10.0


class ThreadsAside(Executor):
    """Does each piece of work in a thread that does nothing else, idle before or new.

    No piece waits for another; whoever asks sees to it that they are few.

    Args:
        idle_s: After this long without work a thread ends.
    """

    def __init__(self, idle_s: float = _IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._idle: list[SimpleQueue[Work]] = []

    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - whoever waits for it is told
                future.set_exception(error)

        with self._lock:
            # The last to become idle goes on, so that those of a busier time end.
            inbox = self._idle.pop() if self._idle else None
        if inbox is None:
            inbox = SimpleQueue()
            threading.Thread(target=self._run, args=[inbox], name="aside", daemon=True).start()
        inbox.put(work)
        return future

    def _run(self, inbox: SimpleQueue[Work]) -> None:
        """Do what comes, one after the other, until nothing does."""
        while (work := self._next(inbox)) is not None:
            work()
            del work  # what was done is let go of while more is waited for
            with self._lock:
                self._idle.append(inbox)

    def _next(self, inbox: SimpleQueue[Work]) -> Work | None:
        """Return what is to be done next; None where nothing came and nothing can any more."""
        with suppress(Empty):
            return inbox.get(timeout=self._idle_s)
        with self._lock:
            if inbox in self._idle:
                self._idle.remove(inbox)
                return None
        return inbox.get()  # somebody chose this thread just now
