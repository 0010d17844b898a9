"""What is published is what the models say, whole, valid and without leftovers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from jsonschema import Draft202012Validator

from docs.reference.decision import EXAMPLES, PAGE, decision_page
from docs.reference.schemas import ASYNCAPI, OPENAPI
from torghut.schemas.publish import (
    MODELS,
    TYPED,
    publications,
    published_texts,
    stated_type,
    superseded,
)
from torghut.schemas.upcasting import STEPS

SCHEMAS: Final = Path(__file__).resolve().parents[3] / "schemas"
TEXTS: Final = published_texts()
APART: Final = (OPENAPI, ASYNCAPI, "released/")
"""What is no schema of one model, and the schemas as they were let out."""


@pytest.mark.parametrize("name", TEXTS)
def test_schema_equals_the_model(name: str) -> None:
    written = (SCHEMAS / name).read_text(encoding="utf-8")

    assert written == TEXTS[name], "run `python -m docs.reference.schemas`"


def test_no_schema_stands_for_nothing() -> None:
    found = {path.relative_to(SCHEMAS).as_posix() for path in SCHEMAS.rglob("*.json")}
    written = {name for name in found if not name.startswith(APART)}
    lifted = {"events/" + type_.replace(".", "/", 1) + ".json" for type_ in STEPS}
    older = {one.path for one in superseded()}

    assert written == set(TEXTS) | lifted | older


def test_generation_is_deterministic() -> None:
    assert published_texts() == TEXTS


@pytest.mark.parametrize("name", TEXTS)
def test_schema_is_valid_and_closed(name: str) -> None:
    schema = json.loads(TEXTS[name])

    Draft202012Validator.check_schema(schema)
    assert schema["additionalProperties"] is False
    assert schema["description"]


WRITTEN: Final = {one.path: one for one in publications() if one.mode == "serialization"}


@pytest.mark.parametrize("name", WRITTEN)
def test_what_torghut_writes_has_every_key_but_those_that_say_nothing(name: str) -> None:
    schema = json.loads(TEXTS[name])
    fields = WRITTEN[name].model.model_fields
    unsaid = {key for key, field in fields.items() if field.exclude_if is not None}

    assert set(schema["required"]) == set(schema["properties"]) - unsaid


@pytest.mark.parametrize("name", [one.path for one in superseded()])
def test_newer_version_of_a_control_record_only_adds_what_may_be_left_out(name: str) -> None:
    older = json.loads((SCHEMAS / name).read_bytes())
    newest = json.loads(TEXTS[name.replace(".v1.", ".v2.")])

    assert newest["required"] == older["required"]
    for key, was in older["properties"].items():
        now = newest["properties"][key]
        closed = set(was.get("enum", ()))  # a closed set may only get more members
        assert {**now, "enum": ()} == {**was, "enum": ()}
        assert closed <= set(now.get("enum", ()))


def test_every_typed_message_can_be_read() -> None:
    assert set(MODELS) == {stated_type(model) for model in TYPED}
    assert MODELS.keys().isdisjoint(STEPS)


def test_decision_page_is_what_the_code_renders() -> None:
    assert PAGE.read_text(encoding="utf-8") == decision_page(), "run `make docs`"


def test_decision_page_shows_five_decisions() -> None:
    assert len(EXAMPLES) == 5
