"""Requests made up from the API's own document: none fails, and none gets in without a token.

Derandomized: the same document is tried with the same requests.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fakes.desk import FakeDesk, policy_with, refused
from tests.support.live.asking import TOKENS, Bench, bench
from torghut.entrypoints.api.rest.openapi import document_text
from torghut.entrypoints.api.rest.routes import ROUTES
from torghut.schemas.live.naming import offered_context_id
from torghut.schemas.live.position import Position

pytestmark: Final = pytest.mark.slow

LABELS: Final = [f"{route.method} {route.path}" for route in ROUTES]
TAKING: Final = {
    "GET /v1/controls",
    "GET /v1/decisions",
    "GET /v1/outcomes",
    "POST /v1/contexts",
    "POST /v1/controls",
    "POST /v1/switches/{name}/release",
}
"""What takes something, which can be wrong."""

OPEN: Final = {"GET /healthz", "GET /readyz"}
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES: Final = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@cache
def tried() -> Bench:
    """Return an API whose streams end, so that every request is answered."""
    bound = policy_with(door={"requests_per_s": 1_000_000})
    made = bench(FakeDesk(ends=True, bound=bound))
    name = offered_context_id("desk-1", "fxcm:EURUSD", "quote", 1)
    made.desk.publish(refused(name, Position(0, 0, 0)))
    return made


@cache
def operations() -> dict[str, APIOperation[Any, Any, Any, Any]]:
    """Return every operation of the document, by method and path."""
    schema = schemathesis.openapi.from_dict(json.loads(document_text()))
    schema.app = tried().app
    found = [one.ok() for one in schema.get_all_operations() if isinstance(one, Ok)]
    return {operation.label: operation for operation in found}


def test_every_path_is_tried() -> None:
    taking = {
        label
        for label, operation in operations().items()
        if operation.query or operation.body or operation.path_parameters
    }

    assert operations().keys() == set(LABELS)
    assert taking == TAKING


@pytest.mark.parametrize(
    ("label", "mode"),
    [(label, GenerationMode.POSITIVE) for label in LABELS]
    + [(label, GenerationMode.NEGATIVE) for label in sorted(TAKING)],
)
def test_no_request_fails_and_every_answer_is_as_documented(
    label: str, mode: GenerationMode
) -> None:
    strategy = operations()[label].as_strategy(generation_mode=mode)

    @EXAMPLES
    @given(strategy)
    def check(case: Case[Any]) -> None:
        for token in (None, *TOKENS.values()):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            response = case.call(headers=headers)
            case.validate_response(response, checks=CHECKS)
            assert response.status_code != 500
            if token is None and label not in OPEN:
                assert response.status_code == 401

    check()
    assert tried().failures == []
