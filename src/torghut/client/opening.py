"""From an address to what makes connections there; what speaks to brokers is an extra."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, cast

from torghut.client.errors import KafkaMissingError
from torghut.client.limits import Limits
from torghut.client.wire.address import Address, Credentials
from torghut.client.wire.dialing import Dialer
from torghut.client.wire.websocket import WebSocketDialer

_KAFKA: Final = "torghut.client.kafka.dialing"


def dialer_of(address: Address, credentials: Credentials, limits: Limits) -> Dialer:
    """Return what makes connections to an address; nothing is asked there yet.

    Args:
        address: Of the service.
        credentials: What a service that listens by itself is shown; brokers are told other things.
        limits: Whose budgets hold.

    Raises:
        KafkaMissingError: Brokers are to be spoken to, and the package for it is not installed.
    """
    if not address.brokers:
        return WebSocketDialer(address=address, credentials=credentials, limits=limits)
    try:
        found = import_module(_KAFKA).kafka_dialer
    except ModuleNotFoundError as error:
        raise KafkaMissingError(package=error.name or "aiokafka") from error
    return cast("Callable[[Address, Limits], Dialer]", found)(address, limits)
