"""Control records keep their bytes when a later version can say more."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pytest
from pydantic import ValidationError

from tests.support.decisions.reporting import report_fill, report_position
from torghut.decisions.fold.control import control_digest
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.control import CONTROL_RECORD, ControlRecord

GOLDEN: Final = Path(__file__).resolve().parents[2] / "replay/golden/messages/events/control"
RECORDS: Final[Sequence[Path]] = sorted(GOLDEN.rglob("*.json"))


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.relative_to(GOLDEN).as_posix())
def test_digest_is_that_of_what_was_written_whatever_the_version(path: Path) -> None:
    record = CONTROL_RECORD.validate_json(path.read_bytes())

    assert control_digest(record) == sha256_hex(canonical_bytes(json.loads(path.read_bytes())))


def test_digest_of_a_fill_is_as_ever() -> None:
    body = (GOLDEN / "fill.v1/bought.json").read_bytes()

    digest = control_digest(CONTROL_RECORD.validate_json(body))

    assert digest == "19ce6ab869d7e14425e563da892e7b45a89864219a87d610f6339202af17023c"


@pytest.mark.parametrize("said", [{"fee": None}, {"at_ns": None}, {"replaces": None}])
def test_nothing_said_is_not_written(said: dict[str, object]) -> None:
    assert report_fill("f", 1.0, **said).model_dump() == report_fill("f", 1.0).model_dump()


ADVICE: Final[JsonObject] = {
    "kind": "advice-resolved",
    "control_id": "advice:1",
    "symbol": "binance-spot:ETHUSDT",
    "context_id": f"{'cd' * 16}:binance-spot:ETHUSDT:quote:7",
    "at_ns": "0",
}


@pytest.mark.parametrize(
    "record",
    [
        report_fill("f", 1.0, fee=0.0),
        report_fill("f", 1.0, at_ns=0),
        CONTROL_RECORD.validate_python({**ADVICE, "resolution": "adjust", "factor": 0.0}),
        CONTROL_RECORD.validate_python({**ADVICE, "resolution": "veto", "confidence": 0.0}),
        CONTROL_RECORD.validate_python({**ADVICE, "resolution": "failed", "code": "c"}),
    ],
    ids=["fee", "time", "factor", "confidence", "code"],
)
def test_zero_that_is_said_is_written(record: ControlRecord) -> None:
    again = CONTROL_RECORD.validate_json(canonical_bytes(record.model_dump(mode="json")))

    assert again == record


def test_position_that_writes_off_nothing_is_written_as_ever() -> None:
    body = report_position("p", 1.0, 5).model_dump_json()

    assert json.loads(body).keys() == {
        "control_id",
        "symbol",
        "effective_at_ns",
        "kind",
        "quantity",
        "as_of_ns",
    }


def test_writing_off_takes_a_reason() -> None:
    plain = report_position("p", 1.0, 5).model_dump()

    with pytest.raises(ValidationError, match="a reason"):
        CONTROL_RECORD.validate_python({**plain, "reconciled": True})


@pytest.mark.parametrize("fee", [float("inf"), float("nan"), "1", 2e15])
def test_fee_is_a_finite_number(fee: object) -> None:
    with pytest.raises(ValidationError):
        report_fill("f", 1.0, fee=fee)


def test_fill_names_a_decision_by_its_id() -> None:
    with pytest.raises(ValidationError):
        report_fill("f", 1.0, decision_id="order-7")
