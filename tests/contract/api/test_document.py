"""The API's document is the committed one, valid, and says of every path who may use it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pytest

from docs.reference.schemas import FOLDER, OPENAPI
from tests.support.live.asking import TOKENS
from torghut.entrypoints.api.rest.openapi import document_text
from torghut.entrypoints.api.rest.routes import ROUTES

DOCUMENT: Final = json.loads(document_text())
OPERATIONS: Final = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def test_committed_document_is_what_the_code_says() -> None:
    written = Path(FOLDER / OPENAPI).read_text(encoding="utf-8")

    assert written == document_text(), "run `python -m docs.reference.schemas`"


def test_every_route_is_described_and_nothing_else() -> None:
    assert OPERATIONS.keys() == {(route.method, route.path) for route in ROUTES}
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_operation_says_who_may_and_how_it_is_refused(route: object) -> None:
    assert route in ROUTES
    found = next(one for one in ROUTES if one is route)
    operation = OPERATIONS[found.method, found.path]
    expected = None if found.role is None else [{"token": [found.role.value]}]

    assert operation.get("security") == expected
    assert operation["responses"].keys() == {"200", "default"}
    refused = operation["responses"]["default"]["content"]
    assert refused == {"application/json": {"schema": {"$ref": "#/components/schemas/Fault"}}}
    assert operation["description"]


def test_every_reference_leads_somewhere_and_every_model_is_used() -> None:
    mentioned = set(re.findall(r'"#/components/schemas/([^"]+)"', document_text()))

    assert mentioned == DOCUMENT["components"]["schemas"].keys()


def test_a_token_is_only_ever_a_header() -> None:
    assert DOCUMENT["components"]["securitySchemes"] == {
        "token": {"type": "http", "scheme": "bearer"}
    }
    assert not any(token in document_text() for token in TOKENS.values())
    parameters = [p["name"] for o in OPERATIONS.values() for p in o.get("parameters", [])]
    assert sorted(set(parameters)) == ["after", "context_id", "follow", "name"]
