"""Why a client found no broker: aiokafka says so in its log alone, and raises without a reason."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from aiokafka.errors import (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from typing_extensions import override

_LOGGER: Final = "aiokafka"
_REFUSALS: Final = (
    AuthenticationFailedError,
    AuthenticationMethodNotSupported,
    IllegalSaslStateError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
    ssl.SSLError,
)
"""What there is of a broker that lets somebody not in, or that somebody does not trust."""


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


def refusal(errors: Sequence[BaseException]) -> str | None:
    """Return why a broker that is there lets nobody in; None where nothing says so."""
    return next((reason(one) for one in errors if isinstance(one, _REFUSALS)), None)


def reason(error: BaseException) -> str:
    """Return what an error is, without the broker's own words, which may quote anything."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{type(error).__name__}: {error.verify_message}"
    return type(error).__name__
