"""Published names equal the codes of the rows, in the same order."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import get_args

import pytest

from torghut.schemas import context, decision
from torghut.schemas.codes import (
    ContextFlag,
    ControlKind,
    Domain,
    Expert,
    Gate,
    GateStatus,
    Intent,
    Mode,
    Path,
    PositionBasis,
    RefusalCode,
    Stream,
)
from torghut.schemas.control import ControlRecord
from torghut.schemas.declarations.governance import GateName
from torghut.schemas.refusal import ContextRefused


@pytest.mark.parametrize(
    ("literal", "codes"),
    [
        (context.StreamName, Stream),
        (decision.IntentName, Intent),
        (decision.PathName, Path),
        (decision.ModeName, Mode),
        (decision.BasisName, PositionBasis),
        (decision.ExpertName, Expert),
        (decision.GateStatusName, GateStatus),
        (GateName, Gate),
    ],
)
def test_published_names_are_the_codes(literal: object, codes: type[IntEnum]) -> None:
    assert get_args(literal) == tuple(code.name.lower().replace("_", "-") for code in codes)


def test_every_domain_and_expert_has_its_key() -> None:
    domains = [domain.name.lower() for domain in Domain]
    experts = [expert.name.lower() for expert in Expert]

    assert list(decision.FreshnessByDomain.model_fields) == domains
    assert list(decision.ByExpert.model_fields) == experts


def test_every_assumption_has_its_name() -> None:
    named = {name.upper().replace("-", "_") + "_ASSUMED" for name in get_args(context.Assumption)}

    assert named == {flag.name for flag in ContextFlag if str(flag.name).endswith("_ASSUMED")}


def test_every_control_kind_has_its_record() -> None:
    records = get_args(get_args(ControlRecord)[0])

    kinds: type[StrEnum] = ControlKind
    assert {record.model_fields["kind"].default for record in records} == set(kinds)


@pytest.mark.parametrize("code", [code for code in RefusalCode if code])
def test_every_refusal_code_can_be_published(code: RefusalCode) -> None:
    refused = ContextRefused(
        context_id="00112233445566778899aabbccddeeff:fxcm:EURUSD:quote:1",
        symbol="fxcm:EURUSD",
        stream="quote",
        source_sequence=1,
        event_ns=0,
        receive_ns=0,
        code=code.code,
    )

    assert refused.code == code.code
