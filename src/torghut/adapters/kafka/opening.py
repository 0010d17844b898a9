"""From an address to what speaks to a broker; the libraries for it are an extra."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import ClassVar, Final, cast

from torghut.carrying.access import BrokerAccess
from torghut.carrying.ports import TopicAdmin
from torghut.kernel.errors import ExitCode, TorghutError

_ADMIN: Final = "torghut.adapters.kafka.admin"


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
    try:
        found = import_module(_ADMIN).KafkaTopics
    except ModuleNotFoundError as error:
        raise KafkaExtraMissingError(package=error.name or "aiokafka") from error
    return cast("Callable[..., TopicAdmin]", found)(access, budget_ms=budget_ms)
