"""From an address to a broker whose groups are Faust's; its libraries are an extra."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import ClassVar, Final, cast

from torghut.access.broker import BrokerAccess
from torghut.access.faust import FaustChoices
from torghut.carrying.ports import Broker
from torghut.kernel.errors import ExitCode, TorghutError

_BROKER: Final = "torghut.adapters.faust.broker"


class FaustExtraMissingError(TorghutError):
    """A worker is to run on Faust, and its packages are not installed."""

    code: ClassVar[str] = "adapters.faust-extra-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, package: str) -> None:
        super().__init__(
            f"expected the extras `kafka` and `faust`, found no {package}; "
            "pip install 'torghut[kafka,faust]', or leave out --runtime faust"
        )
        self.package = package


def open_faust(
    access: BrokerAccess, choices: FaustChoices, *, client_id: str, budget_ms: int
) -> Broker:
    """Return a cluster whose groups are Faust's; nothing is asked of it yet.

    Raises:
        FaustExtraMissingError: Its packages are not installed.
        AccessFileError: A file of the access cannot be read.
    """
    try:
        made = import_module(_BROKER).faust_broker
    except ModuleNotFoundError as error:
        raise FaustExtraMissingError(package=error.name or "faust") from error
    return cast("Callable[..., Broker]", made)(
        access, choices, client_id=client_id, budget_ms=budget_ms
    )
