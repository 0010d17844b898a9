"""Threads that nobody waits for at the end: what hangs in one keeps no process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

from typing_extensions import override

P = ParamSpec("P")
T = TypeVar("T")


class ThreadsAside(Executor):
    """Does each piece of work in a thread of its own; whoever asks sees to it that they are few."""

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

        threading.Thread(target=work, name="aside", daemon=True).start()
        return future
