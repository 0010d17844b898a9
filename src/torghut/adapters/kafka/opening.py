"""From an address to what speaks to a broker; the libraries for it are an extra."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import ClassVar, Final, cast

from torghut.access.broker import BrokerAccess
from torghut.carrying.ports import Broker, TopicAdmin
from torghut.kernel.errors import ExitCode, TorghutError

_ADMIN: Final = "torghut.adapters.kafka.admin"
_BROKER: Final = "torghut.adapters.kafka.broker"


class KafkaExtraMissingError(TorghutError):
    """A broker is to be spoken to, and the packages for it are not installed."""

    code: ClassVar[str] = "adapters.kafka-extra-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, package: str) -> None:
        super().__init__(
            f"expected the extra `kafka`, found no {package}; pip install 'torghut[kafka]'"
        )
        self.package = package


def open_topics(access: BrokerAccess, *, budget_ms: int) -> TopicAdmin:
    """Return what sees and changes the topics of a cluster; nothing is asked yet.

    Raises:
        KafkaExtraMissingError: Its packages are not installed.
        AccessFileError: A file of the access cannot be read.
    """
    found = _imported(_ADMIN).KafkaTopics
    return cast("Callable[..., TopicAdmin]", found)(access, budget_ms=budget_ms)


def open_broker(access: BrokerAccess, *, client_id: str, budget_ms: int) -> Broker:
    """Return what reads from and writes to a cluster; nothing is asked of it yet.

    Raises:
        KafkaExtraMissingError: Its packages are not installed.
        AccessFileError: A file of the access cannot be read.
    """
    found = _imported(_BROKER).kafka_broker
    return cast("Callable[..., Broker]", found)(access, client_id=client_id, budget_ms=budget_ms)


def _imported(module: str) -> ModuleType:
    """Return a module that the extra is needed for.

    Raises:
        KafkaExtraMissingError: Its packages are not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        raise KafkaExtraMissingError(package=error.name or "aiokafka") from error
