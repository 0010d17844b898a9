"""What aiokafka says in its log alone, and what it says once too often.

Why a client found no broker is in its log, and is raised without a reason. A failure is told to
several futures of its own, of which whoever asked waits for one; the others would be reported as
defects when they are collected.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from aiokafka.errors import KafkaError
from typing_extensions import override

_LOGGER: Final = "aiokafka"


class _Heard(logging.Handler):
    """Keeps the errors that log lines were about."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.errors: list[BaseException] = []

    @override
    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.errors.extend(one for one in arguments if isinstance(one, BaseException))


def let_unasked_pass(loop: asyncio.AbstractEventLoop) -> None:
    """Let failures that aiokafka told nobody who waits be no defects of this loop's."""
    handler = loop.get_exception_handler()
    if isinstance(handler, _Passing):
        return
    loop.set_exception_handler(_Passing(handler))


class _Passing:
    """Handles what nobody else does, but for a client's own futures."""

    def __init__(self, otherwise: Any) -> None:  # noqa: ANN401 - whatever was there before
        self._otherwise = otherwise

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Pass over a broker's failure in a future that is no task; report all else as ever."""
        future = context.get("future")
        unasked = future is not None and not isinstance(future, asyncio.Task)
        if unasked and isinstance(context.get("exception"), KafkaError):
            return
        if self._otherwise is not None:
            self._otherwise(loop, context)
        else:
            loop.default_exception_handler(context)


@contextmanager
def heard() -> Iterator[Sequence[BaseException]]:
    """Yield what clients of this process run into until the end of the block, as they log it.

    Their lines no longer appear on standard error where nobody set up logging.
    """
    handler = _Heard()
    logger = logging.getLogger(_LOGGER)
    logger.addHandler(handler)
    try:
        yield handler.errors
    finally:
        logger.removeHandler(handler)
