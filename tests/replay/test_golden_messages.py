"""What was once published stays readable: golden files are added, never edited."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

import pytest
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from tests.replay.golden_decisions import DECISIONS, GOLDEN
from torghut.schemas.decision import Decision
from torghut.schemas.publish import MODELS, Publication, publications, superseded
from torghut.schemas.upcasting import STEPS, read_message

MESSAGES: Final = GOLDEN / "messages"
SUMS: Final = GOLDEN / "SHA256SUMS"
SCHEMAS: Final = Path(__file__).resolve().parents[2] / "schemas"
BY_PATH: Final = {one.path.removesuffix(".json"): one for one in (*publications(), *superseded())}
LIFTED: Final = {"events/" + type_.replace(".", "/", 1) for type_ in STEPS}
FILES: Final = sorted(MESSAGES.rglob("*.json"))
NEWEST: Final = [path for path in FILES if path.parent.relative_to(MESSAGES).as_posix() in BY_PATH]


def place_of(path: Path) -> str:
    """Return the published schema that a golden file is an example of."""
    return path.parent.relative_to(MESSAGES).as_posix()


def publication_of(path: Path) -> Publication:
    """Return what a golden file is an example of."""
    return BY_PATH[place_of(path)]


def test_every_schema_has_a_golden_message() -> None:
    shown = {place_of(path) for path in FILES}
    rendered = {name for name, one in BY_PATH.items() if one.model is Decision}

    assert shown | rendered == set(BY_PATH) | LIFTED
    assert list(DECISIONS.glob("*.json")) != []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(MESSAGES).as_posix())
def test_golden_message_fits_its_published_schema(path: Path) -> None:
    schema = json.loads((SCHEMAS / f"{place_of(path)}.json").read_bytes())

    Draft202012Validator(schema).validate(json.loads(path.read_bytes()))


@pytest.mark.parametrize("path", NEWEST, ids=lambda path: path.relative_to(MESSAGES).as_posix())
def test_golden_message_still_parses_and_says_the_same(path: Path) -> None:
    stated = json.loads(path.read_bytes())
    one = publication_of(path)

    message = TypeAdapter(one.model).validate_json(path.read_bytes(), strict=True)

    if one.mode == "serialization":
        assert json.loads(message.model_dump_json()) == stated


OLDER: Final = sorted(set(FILES) - set(NEWEST))


@pytest.mark.parametrize("path", OLDER, ids=lambda path: path.relative_to(MESSAGES).as_posix())
def test_golden_message_of_an_older_version_is_read_as_the_newest(path: Path) -> None:
    stated, message = json.loads(path.read_bytes()), read_message(path.read_bytes(), MODELS)
    lifted = json.loads(message.model_dump_json())

    assert lifted["type"] != stated["type"]
    assert {key: lifted[key] for key in stated if key != "type"} == {
        key: value for key, value in stated.items() if key != "type"
    }


@pytest.mark.parametrize("path", sorted(DECISIONS.glob("*.json")), ids=lambda path: path.stem)
def test_golden_decision_is_read_by_its_type(path: Path) -> None:
    message = read_message(path.read_bytes(), MODELS)

    assert isinstance(message, Decision)
    assert json.loads(message.model_dump_json()) == json.loads(path.read_bytes())


def test_golden_files_are_those_that_were_recorded() -> None:
    lines = [line.split("  ", 1) for line in SUMS.read_text(encoding="utf-8").splitlines()]
    recorded = {name: digest for digest, name in lines}
    found = {
        path.relative_to(GOLDEN).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in GOLDEN.rglob("*")
        if path.is_file() and path != SUMS
    }

    assert found == recorded, "golden files are added, with their line, and never edited"
