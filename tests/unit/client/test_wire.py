"""What the client reads and writes is what the published schemas say."""

from __future__ import annotations

import json
import types
import typing
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import msgspec
import pytest
from pydantic import BaseModel

from tests.fakes.live_service import FakeLiveService, decided, decision, refused
from torghut.client.wire import decision as light_decision
from torghut.client.wire import messages, offers
from torghut.schemas import control
from torghut.schemas import decision as full_decision
from torghut.schemas.live import delivery, offering
from torghut.schemas.live.naming import offered_context_id
from torghut.schemas.refusal import ContextRefused

PAIRS = [
    (light_decision.Decision, full_decision.Decision),
    (light_decision.GateResult, full_decision.GateResult),
    (light_decision.Freshness, full_decision.Freshness),
    (light_decision.FreshnessByDomain, full_decision.FreshnessByDomain),
    (light_decision.ByExpert, full_decision.ByExpert),
    (light_decision.DecisionLineage, full_decision.DecisionLineage),
    (messages.Refusal, ContextRefused),
    (messages.Decided, delivery.Decided),
    (messages.Refused, delivery.Refused),
    (messages.Heartbeat, delivery.Heartbeat),
    (messages.ControlRecorded, delivery.ControlRecorded),
    (messages.ControlApplied, delivery.ControlApplied),
    (messages.Answered, delivery.Answered),
    (messages.Fault, delivery.Fault),
    (offers.Context, offering.ContextOffered),
    (offers.Fill, control.FillReported),
    (offers.Order, control.OrderReported),
    (offers.PositionHeld, control.PositionReported),
]


def plain(kind: Any) -> Any:  # noqa: ANN401 - a type is what it is
    """Return a type without what only describes it; names and texts alike are text."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct | BaseModel):
        return kind.__name__
    if kind is msgspec.Raw:
        return "JSON"
    origin, inner = get_origin(kind), get_args(kind)
    if origin is typing.Annotated:
        return plain(inner[0])
    if origin is Literal:
        return str
    if origin in {typing.Union, types.UnionType}:
        names = frozenset(plain(one) for one in inner)
        return "JSON" if len(names) > 3 else names
    return (origin, tuple(map(plain, inner))) if origin else kind


RENAMED = {"ContextRefused": "Refusal", frozenset({"JSON", type(None)}): "JSON"}


@pytest.mark.parametrize(("light", "full"), PAIRS, ids=lambda one: one.__name__)
def test_light_form_has_the_names_and_types_of_the_published_model(
    light: type[msgspec.Struct], full: type[BaseModel]
) -> None:
    found = {name: plain(kind) for name, kind in typing.get_type_hints(light).items()}
    hints = typing.get_type_hints(full, include_extras=True)
    promised = {name: plain(hints[name]) for name in full.model_fields}
    tag = light.__struct_config__.tag_field
    if tag and tag not in found:
        found[tag] = str
        assert light.__struct_config__.tag == full.model_fields[tag].default

    assert found == {
        name: RENAMED.get(kind, kind) if isinstance(kind, str | frozenset) else kind
        for name, kind in promised.items()
    }


def test_decision_of_the_fake_is_one_and_reads_the_same() -> None:
    made = decision(7, sequence=1, target_position=None)
    full = full_decision.Decision.model_validate_json(json.dumps(made))
    read = messages.read_line(decided("0:1:2", made))

    assert isinstance(read, messages.Decided)
    assert msgspec.to_builtins(read.decision, builtin_types=[]) == full.model_dump() | {
        "lineage": full.lineage.model_dump()
    }


def test_heartbeat_and_refusal_of_the_fake_are_what_the_service_sends(tmp_path: Path) -> None:
    service = FakeLiveService(tmp_path / "socket")

    delivery.Heartbeat.model_validate_json(service.heartbeat())
    delivery.Refused.model_validate_json(refused("0:0:0", 3))


@pytest.mark.parametrize("name", ["target_position", "bid", "ask", "position"])
@pytest.mark.parametrize("number", ["nan", "inf", "-Infinity"])
def test_number_to_act_on_is_finite_or_the_line_is_garbled(name: str, number: str) -> None:
    made = decision(7, sequence=1) | {name: number}

    with pytest.raises(messages.GarbledError):
        messages.read_line(decided("0:1:2", made))


@pytest.mark.parametrize(
    "changed",
    [
        {"target_position": None},
        {"intent": "abstain"},
        {"intent": "maybe"},
        {"extra": 1},
        {"sequence": 1.5},
        {"sequence": None},
    ],
)
def test_decision_that_contradicts_itself_or_its_schema_is_garbled(changed: dict[str, Any]) -> None:
    with pytest.raises(messages.GarbledError):
        messages.read_line(decided("0:1:2", decision(7, sequence=1) | changed))


@pytest.mark.parametrize("line", ["", "{", "[]", "7", '{"a":1}', '"\\ud800', '{"type":7}'])
def test_what_is_no_message_is_garbled(line: str) -> None:
    with pytest.raises(messages.GarbledError):
        messages.read_line(line)


def test_message_of_a_kind_to_come_is_passed_over() -> None:
    assert messages.read_line('{"type":"live.weather.v1","sun":true}') is None


def test_context_is_what_the_service_takes_under_the_same_id() -> None:
    context = offers.Context(
        feed="desk-1", symbol="fxcm:EURUSD", sequence=2**60, receive_ns=5, bid=1.0, ask=1.5
    )
    taken = offering.ContextOffered.model_validate_json(offers.context_line(context))

    assert (taken.sequence, taken.receive_ns, taken.bid) == (2**60, 5, 1.0)
    assert context.context_id == offered_context_id("desk-1", "fxcm:EURUSD", "quote", 2**60)


DECISION_ID = decision(7, sequence=1)["decision_id"]


@pytest.mark.parametrize(
    "record",
    [
        offers.fill(fill_id="f1", symbol="fxcm:EURUSD", quantity=-0.0, price=1.1),
        offers.fill(
            fill_id="f2",
            symbol="fxcm:EURUSD",
            quantity=5,
            price=1.1,
            decision_id=DECISION_ID,
            fee=0.5,
            at_ns=2**60,
            replaces="f1",
        ),
        offers.order(decision_id=DECISION_ID, symbol="fxcm:EURUSD", status="rejected", reason="x"),
        offers.position(symbol="fxcm:EURUSD", quantity=-1e15, as_of_ns=2**60),
        offers.position(symbol="fxcm:EURUSD", quantity=1e-9, as_of_ns=7),
        offers.position(
            symbol="fxcm:EURUSD", quantity=0, as_of_ns=7, reconciled=True, reason="asked"
        ),
    ],
    ids=lambda record: record.control_id[:40],
)
def test_report_is_what_the_service_takes(record: offers.Report) -> None:
    line = json.loads(offers.control_line(record))
    taken = offering.ControlOffered.model_validate_json(json.dumps(line))

    assert taken.record.control_id == offers.control_id_of(record)
    assert (
        taken.record.model_dump(exclude_none=True).items()
        >= {
            name: value
            for name, value in msgspec.to_builtins(record).items()
            if value not in {None, ""} or name == "quantity"
        }.items()
    )


def test_same_report_has_the_same_id_and_another_one_another() -> None:
    once = offers.position(symbol="fxcm:EURUSD", quantity=1, as_of_ns=7)

    assert once == offers.position(symbol="fxcm:EURUSD", quantity=1.0, as_of_ns=7)
    assert (
        once.control_id != offers.position(symbol="fxcm:EURUSD", quantity=2, as_of_ns=7).control_id
    )


def test_fills_of_accounts_that_contain_the_separator_have_ids_of_their_own() -> None:
    parts = [("a:b", "c"), ("a", "b:c"), ("a:b:c", "d"), ("a:b", "c:d"), ("a", "b"), ("a:", "b")]
    ids = [
        offers.fill(
            fill_id=fill_id, account=account, symbol="fxcm:EURUSD", quantity=1, price=1
        ).control_id
        for account, fill_id in parts
    ]

    assert len(set(ids)) == len(parts)
    assert [ids[1], ids[4]] == ["fill:a:b:c", "fill:a:b"]


def test_id_too_long_for_a_record_becomes_a_digest() -> None:
    long = offers.fill(fill_id="f" * 200, symbol="fxcm:EURUSD", quantity=1, price=1)

    assert long.control_id.startswith("fill:")
    assert len(long.control_id) == len("fill:") + 64
