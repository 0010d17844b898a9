"""From an endpoint to a tracer that exports there; the libraries for it are an extra."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import ClassVar, Final, cast

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.telemetry import Telemetry
from torghut.workflows.live.observing.tracing import Tracer

_MODULE: Final = "torghut.adapters.otel.exporting"
_OPENER: Final = "open_exporting"


class TracingExtraMissingError(TorghutError):
    """Traces are to be exported, and the packages for it are not installed."""

    code: ClassVar[str] = "adapters.tracing-extra-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, package: str, variable: str) -> None:
        super().__init__(
            f"{variable} is set: expected the package {package}, found it not installed; "
            f"pip install 'torghut[otel]', or unset {variable}"
        )
        self.package = package
        self.variable = variable


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """Where traces go, and who is told of those that do not arrive.

    Attributes:
        endpoint: Whole address of the collector for traces.
        worker: Name of this worker.
        version: Of this installation.
        telemetry: Counts what is lost.
        journal: Is told why.
    """

    endpoint: str
    worker: str
    version: str
    telemetry: Telemetry
    journal: Journal


def open_tracer(tracing: Tracing, *, variable: str) -> Tracer:
    """Return a tracer that exports.

    Args:
        tracing: Where to.
        variable: What asked for it, to be named where the extra is missing.

    Raises:
        TracingExtraMissingError: Its packages are not installed.
    """
    try:
        found = getattr(import_module(_MODULE), _OPENER)
    except ModuleNotFoundError as error:
        package = str(error.name).replace(".", "-")
        raise TracingExtraMissingError(package=package, variable=variable) from error
    return cast("Callable[[Tracing], Tracer]", found)(tracing)
