"""Writes the reference pages from the code, so that they cannot say anything else."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import torghut
from docs.reference.api import api_page
from docs.reference.decision import decision_page
from docs.reference.observing import log_events_page, metrics_page
from docs.reference.refusals import refusals_page
from docs.reference.scaling.page import scaling_page
from docs.reference.topics import topics_page
from torghut.composition import broker_settings
from torghut.composition.advice import settings as asking_settings
from torghut.kernel.errors import TorghutError
from torghut.settings import VARIABLES

FOLDER: Final = Path(__file__).resolve().parent


def error_classes() -> Sequence[type[TorghutError]]:
    """Return every error that Torghut defines, sorted by code."""
    for module in pkgutil.walk_packages(torghut.__path__, prefix="torghut."):
        importlib.import_module(module.name)
    return sorted(set(_below(TorghutError)), key=lambda error: error.code)


def _below(error: type[TorghutError]) -> Iterator[type[TorghutError]]:
    """Yield the subclasses of ``error`` at any depth that are Torghut's own."""
    for child in error.__subclasses__():
        if child.__module__.startswith("torghut."):
            yield child
        yield from _below(child)


def errors_page() -> str:
    """Return the page of errors: code, exit status, whether to try again, meaning."""
    rows = (
        f"| `{error.code}` | {int(error.exit_code)} | {'yes' if error.retryable else 'no'} "
        f"| {_first_sentence(error)} |\n"
        for error in error_classes()
    )
    return (
        "# Errors\n\n"
        "Written by `make docs` from the code. The exit status is what a command ends with; "
        "see [the architecture page](../architecture.md#exit-codes).\n\n"
        "| code | exit | try again | meaning |\n|---|---|---|---|\n" + "".join(rows)
    )


def settings_page() -> str:
    """Return the page of settings: every environment variable that is read."""
    variables = (*VARIABLES, *broker_settings.VARIABLES, *asking_settings.VARIABLES)
    rows = (f"| `{v.name}` | {v.default} | {v.meaning} |\n" for v in variables)
    return (
        "# Settings\n\n"
        "Written by `make docs` from the code. Read once, when a command starts; an empty value "
        "counts as not set.\n\n"
        "| variable | default | meaning |\n|---|---|---|\n" + "".join(rows)
    )


def _first_sentence(error: type[TorghutError]) -> str:
    """Return the first paragraph of an error's docstring on one line, fit for a table."""
    paragraph = (error.__doc__ or "").strip().partition("\n\n")[0]
    return " ".join(paragraph.split()).replace("|", "\\|")


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "api.md": api_page,
    "decision.md": decision_page,
    "errors.md": errors_page,
    "log-events.md": log_events_page,
    "metrics.md": metrics_page,
    "refusals.md": refusals_page,
    "settings.md": settings_page,
    "topics.md": topics_page,
    "../scaling.md": scaling_page,
}
"""Every generated page, by its place below the folder."""


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
