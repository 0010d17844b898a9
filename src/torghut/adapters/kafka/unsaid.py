"""Why a client found no broker: aiokafka says so in its log alone, and raises without a reason."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

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
