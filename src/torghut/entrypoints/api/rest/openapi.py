"""The API's own description, as OpenAPI 3.1, out of its routes and the published models."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from fastapi import APIRouter, Depends, FastAPI, Response
from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from torghut.entrypoints.api.faults import JSON
from torghut.entrypoints.api.rest.bodies import NDJSON
from torghut.entrypoints.api.rest.routes import ROUTES, Route
from torghut.entrypoints.api.services import needs
from torghut.schemas.control import ControlRecord
from torghut.schemas.live.delivery import (
    Answered,
    ControlApplied,
    ControlRecorded,
    Decided,
    Fault,
    Heartbeat,
    Refused,
)
from torghut.schemas.live.offering import ContextOffered, ReleaseAsked
from torghut.schemas.live.worker import SwitchStanding, WorkerStatus

Schema = Mapping[str, object]

_SCHEME: Final = "token"
_REF: Final = "#/components/schemas/{model}"
_TITLE: Final = "Torghut live service"
_ABOUT: Final = (
    "Contexts in, decisions out, and the way back. Every request but those for /healthz and /readyz"
    " carries Authorization: Bearer TOKEN. Whatever is refused is told as live.fault.v1 with a"
    " stable code. Answers of the type application/x-ndjson are JSON objects, one a line."
)

_WRITTEN: Final[Sequence[TypeAdapter[object]]] = tuple(
    TypeAdapter(model)
    for model in (
        Answered,
        ControlApplied,
        ControlRecorded,
        Decided,
        Fault,
        Heartbeat,
        Refused,
        SwitchStanding,
        WorkerStatus,
    )
)
_READ: Final[Mapping[str, TypeAdapter[object]]] = {
    "ContextOffered": TypeAdapter(ContextOffered),
    "ControlRecord": TypeAdapter[object](ControlRecord),
    "ReleaseAsked": TypeAdapter(ReleaseAsked),
}


@cache
def router() -> APIRouter:
    """Return what answers every route, with what the document says of it."""
    made = APIRouter()
    for route in ROUTES:
        made.add_api_route(
            route.path,
            route.endpoint,
            methods=[route.method],
            operation_id=_operation_id(route),
            dependencies=[] if route.role is None else [Depends(needs(route.role))],
            response_model=None,
            response_class=Response,
            responses={"200": _answer(route), "default": _refused()},
            openapi_extra=_extra(route),
        )
    return made


@cache
def document_text() -> str:
    """Return the description; the same code gives the same bytes."""
    described = FastAPI(title=_TITLE, version="1", description=_ABOUT, docs_url=None)
    described.router.routes.extend(router().routes)
    document = described.openapi()
    document["components"] = {
        "schemas": _schemas(),
        "securitySchemes": {_SCHEME: {"type": "http", "scheme": "bearer"}},
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _schemas() -> Schema:
    """Return every model that a route mentions, and what those mention."""
    inputs: list[tuple[str, JsonSchemaMode, TypeAdapter[object]]] = [
        (str(number), "serialization", adapter) for number, adapter in enumerate(_WRITTEN)
    ]
    inputs += [(name, "validation", adapter) for name, adapter in _READ.items()]
    found, defined = TypeAdapter.json_schemas(inputs, ref_template=_REF)
    schemas = dict(defined["$defs"])
    schemas["ControlRecord"] = found["ControlRecord", "validation"]
    return dict(sorted(schemas.items()))


def _operation_id(route: Route) -> str:
    """Return a name for what a route does."""
    return str(getattr(route.endpoint, "__name__", route.path))


def _answer(route: Route) -> dict[str, object]:
    """Return what is said of a good answer."""
    media_type, models = route.answer
    told = "One JSON object a line." if media_type == NDJSON else "As asked."
    if not models:
        return {"description": told, "content": {media_type: {}}}
    one = [_ref(model) for model in models]
    schema = one[0] if len(one) == 1 else {"anyOf": one}
    return {"description": told, "content": {media_type: _content(media_type, schema)}}


def _content(media_type: str, schema: Schema) -> Schema:
    """Return what is said of a body: the whole of it, or each of its lines."""
    return {"itemSchema" if media_type == NDJSON else "schema": schema}


def _refused() -> dict[str, object]:
    """Return what is said of every other answer."""
    return {
        "description": "Refused; the code says why.",
        "content": {JSON: {"schema": _ref("Fault")}},
    }


def _extra(route: Route) -> dict[str, object]:
    """Return what is said of who may ask, and of the body."""
    extra: dict[str, object] = {}
    if route.role is not None:
        extra["security"] = [{_SCHEME: [route.role.value]}]
    if route.body is not None:
        media_type, model = route.body
        content = {JSON: _content(JSON, _ref(model))}
        content |= {media_type: _content(media_type, _ref(model))}
        extra["requestBody"] = {"required": True, "content": content}
    return extra


def _ref(model: str) -> dict[str, object]:
    """Return a reference to a model."""
    return {"$ref": _REF.format(model=model)}
