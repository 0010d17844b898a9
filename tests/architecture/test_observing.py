"""Whatever the catalogue promises is observed somewhere, and what is refused is counted by name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from typing import Final, get_args

import pytest

from docs.reference.generate import error_classes
from tests.architecture.tree import Module, modules
from torghut.entrypoints.api.rest.routes import ROUTES
from torghut.entrypoints.api.watching import STREAM
from torghut.schemas.observing import catalogue
from torghut.schemas.observing.catalogue import NotTaken
from torghut.schemas.observing.endpoints import ENDPOINTS
from torghut.schemas.observing.log_events import LOG_EVENTS
from torghut.schemas.observing.metric import Metric
from torghut.workflows.live.errors import NotTakenError

PACKAGE: Final = "torghut.schemas.observing"
CATALOGUES: Final = tuple(
    f"schemas/observing/{name}.py" for name in ("catalogue", "log_events", "beside_events")
)

PROMISED: Final = sorted(
    {name for name, value in vars(catalogue).items() if isinstance(value, Metric)}
    | {event.__name__ for event in LOG_EVENTS}
)


@cache
def _used() -> frozenset[str]:
    """Return every name of the catalogues that some other module uses."""
    return frozenset(
        name
        for module in modules()
        if PACKAGE in module.text and not module.place.endswith(CATALOGUES)
        for name in _taken_from_catalogues(module)
    )


def _taken_from_catalogues(module: Module) -> Iterator[str]:
    """Yield the names that a module imports from a catalogue or through its alias, and uses."""
    aliases, names = set[str](), set[str]()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            aliases |= {one.asname or one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
            names |= {one.name for one in node.names}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name) and node.id in names:
            yield node.id
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in aliases
        ):
            yield node.attr


@pytest.mark.parametrize("name", PROMISED)
def test_what_is_promised_is_observed_somewhere(name: str) -> None:
    assert name in _used()


def test_every_route_of_the_api_is_counted_as_itself() -> None:
    answered = {(route.path, route.method) for route in ROUTES} | {(STREAM, "GET")}

    assert {one for one in ENDPOINTS if one[0] != "unmatched"} == answered


def test_what_is_not_taken_is_counted_under_its_own_code() -> None:
    codes = {error.code for error in error_classes() if issubclass(error, NotTakenError)}

    assert codes - {NotTakenError.code} <= set(get_args(NotTaken))


def test_every_code_that_is_counted_is_some_errors() -> None:
    codes = {error.code for error in error_classes()}

    assert set(get_args(NotTaken)) - {"other"} <= codes
