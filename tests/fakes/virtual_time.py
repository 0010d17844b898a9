"""An event loop whose time jumps to whatever is due next: hours pass at once, always alike.

No thread is involved: work for an executor is done on the spot. Where nothing is due and nothing
can happen any more, the loop says so instead of waiting for ever.
"""

from __future__ import annotations

import asyncio
import functools
import math
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, TypeVarTuple, cast

from typing_extensions import override

from torghut.kernel.clock import SteadyClock, SteadyNs, WallClock, WallNs

if TYPE_CHECKING:
    from _typeshed import FileDescriptorLike

T = TypeVar("T")
P = ParamSpec("P")
Ts = TypeVarTuple("Ts")

_NS = 1_000_000_000


class NothingDueError(Exception):
    """Everybody waits for somebody else."""


class HangsError(Exception):
    """Raised by work for an executor that never comes back."""


class _Jumping(selectors.BaseSelector):
    """Looks for input without waiting, and lets the time pass instead."""

    def __init__(self) -> None:
        self._inner = selectors.SelectSelector()
        self.now_ns = 0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        found = self._inner.select(0)
        if not found and timeout is None:
            raise NothingDueError
        if not found and timeout is not None:
            self.now_ns += math.ceil(timeout * _NS)
        return found

    @override
    def register(
        self, fileobj: FileDescriptorLike, events: int, data: Any = None
    ) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    @override
    def unregister(self, fileobj: FileDescriptorLike) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    @override
    def get_map(self) -> Mapping[FileDescriptorLike, selectors.SelectorKey]:
        return self._inner.get_map()

    @override
    def close(self) -> None:
        self._inner.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    @property
    def now_ns(self) -> int:
        """How much time has passed."""
        return self._jumping.now_ns

    def halt(self, seconds: float) -> None:
        """Let time pass in which nothing happens, as if the process were stopped."""
        self._jumping.now_ns += int(seconds * _NS)

    @override
    def time(self) -> float:
        return self._jumping.now_ns / _NS

    @override
    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except HangsError:
            return done
        except Exception as error:  # noqa: BLE001 -- as an executor does
            done.set_exception(error)
        return done


def run_virtually(main: Coroutine[object, object, T]) -> T:
    """Return the result of ``main``, run in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(cast("Coroutine[Any, Any, T]", main))


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Let a test run in an event loop of real time."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def virtual_loop() -> VirtualLoop:
    """Return the running loop."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


class VirtualSteady(SteadyClock):
    """The steady clock of the running loop."""

    @override
    def now_ns(self) -> SteadyNs:
        return SteadyNs(virtual_loop().now_ns)


@dataclass(slots=True)
class VirtualWall(WallClock):
    """A wall clock that goes with the running loop and may be set.

    Attributes:
        start_ns: What it shows at the loop's beginning; moved, it is set.
    """

    start_ns: int = 1_700_000_000_000_000_000

    @override
    def now_ns(self) -> WallNs:
        return WallNs(self.start_ns + virtual_loop().now_ns)
