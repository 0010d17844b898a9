"""A decision that contradicts itself is no decision."""

from __future__ import annotations

import json
from typing import Final

import pytest
from jsonschema import Draft202012Validator
from jsonschema import ValidationError as SchemaError
from pydantic import JsonValue, ValidationError

from tests.replay.golden_decisions import DECISIONS
from torghut.schemas.decision import Decision

BUY: Final[dict[str, JsonValue]] = json.loads((DECISIONS / "buy.json").read_bytes())
ABSTAIN: Final[dict[str, JsonValue]] = json.loads((DECISIONS / "abstain.json").read_bytes())
SCHEMA: Final = Draft202012Validator(Decision.model_json_schema(mode="serialization"))


def changed(decision: dict[str, JsonValue], **change: JsonValue) -> bytes:
    """Return a decision's JSON with some keys changed."""
    return json.dumps({**decision, **change}).encode()


@pytest.mark.parametrize("decision", [BUY, ABSTAIN])
def test_golden_decision_is_accepted(decision: dict[str, JsonValue]) -> None:
    SCHEMA.validate(decision)
    assert Decision.model_validate_json(changed(decision)).symbol == decision["symbol"]


@pytest.mark.parametrize(
    "change",
    [
        {"target_position": None},
        {"delta": None},
        {"intent": "abstain"},
        {"intent": "wait"},
        {"confidence": 1.01},
        {"confidence": None},
        {"bid": None},
        {"bid": "1.09"},
        {"event_ns": 1493647200000000000.5},
        {"event_ns": "01"},
        {"gates": []},
        {"lineage": None},
        {"reasons": ["Not A Code"]},
        {"note": "more"},
    ],
)
def test_decision_that_cannot_be_is_refused_by_model_and_schema(
    change: dict[str, JsonValue],
) -> None:
    with pytest.raises(ValidationError):
        Decision.model_validate_json(changed(BUY, **change))
    with pytest.raises(SchemaError):
        SCHEMA.validate({**BUY, **change})


@pytest.mark.parametrize("change", [{"confidence": 0.5}, {"target_position": 0.0}, {"delta": 0.0}])
def test_abstaining_is_whole(change: dict[str, JsonValue]) -> None:
    with pytest.raises(ValidationError):
        Decision.model_validate_json(changed(ABSTAIN, **change))
    with pytest.raises(SchemaError):
        SCHEMA.validate({**ABSTAIN, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "fxcm:NZDUSD"},
        {"stream": "bar"},
        {"source_sequence": "48214"},
        {"decision_id": ABSTAIN["decision_id"]},
        {"regime": "feverish"},
    ],
)
def test_decision_that_contradicts_itself_is_refused(change: dict[str, JsonValue]) -> None:
    with pytest.raises(ValidationError):
        Decision.model_validate_json(changed(BUY, **change))


def test_gates_stand_in_the_order_applied() -> None:
    gates = BUY["gates"]
    assert isinstance(gates, list)

    with pytest.raises(ValidationError, match="in this order"):
        Decision.model_validate_json(changed(BUY, gates=[*gates[1:], gates[0]]))


@pytest.mark.parametrize("key", ["declarations", "control", "package"])
def test_lineage_is_its_digest(key: str) -> None:
    lineage = BUY["lineage"]
    assert isinstance(lineage, dict)

    with pytest.raises(ValidationError, match="a digest of the lineage"):
        Decision.model_validate_json(changed(BUY, lineage={**lineage, key: "0" * 64}))
