"""Whatever a row holds, its rendering fits the published schema and equals the typed decision."""

from __future__ import annotations

import json
import struct
from typing import Final

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.replay.golden_decisions import golden_row
from tests.support.decisions.plain_rendering import plainly
from torghut.decisions.rendering import render_decision, render_json
from torghut.schemas.codes import (
    Domain,
    Expert,
    Gate,
    GateStatus,
    Intent,
    Mode,
    Path,
    PositionBasis,
    Reason,
    Stream,
    Trigger,
)
from torghut.schemas.decision import Decision
from torghut.schemas.publish import publications, schema_text
from torghut.schemas.rows import DECISION

SEARCHED: Final = settings().max_examples
SCHEMA: Final = next(one for one in publications() if one.model is Decision)
VALIDATOR: Final = Draft202012Validator(json.loads(schema_text(SCHEMA)))
FREE: Final = ("score", "entropy", "disagreement", "transition")
ACTED_ON: Final = ("bid", "ask", "reference_price", "target", "delta", "position", "notional_cap")
WORDS: Final = ("source_low", "source_high", "source_sequence")
TIMES: Final = ("event_ns", "receive_ns", "valid_until_ns")

anything: Final = st.floats(width=64)
finite: Final = st.floats(allow_nan=False, allow_infinity=False)
code: Final = st.integers(0, 255)


@st.composite
def rows(draw: st.DrawFn) -> tuple[str, bytes]:
    """Draw the name of a golden row, and a row of its symbol with other codes and numbers."""
    name = draw(st.sampled_from(["buy", "abstain"]))
    raw, context = golden_row(name)
    rows = np.frombuffer(raw, DECISION).copy()
    row = rows[0]
    for field, members in (
        ("intent", Intent),
        ("path", Path),
        ("mode", Mode),
        ("basis", PositionBasis),
        ("stream", Stream),
        ("lead", Expert),
    ):
        row[field] = draw(st.integers(0, len(members) - 1))
    row["regime"] = draw(st.sampled_from([255, *range(len(context.regimes))]))
    row["triggers"] = draw(st.integers(0, (1 << len(Trigger)) - 1))
    row["reasons"] = draw(st.integers(0, (1 << len(Reason)) - 1))
    row["sequence"] = draw(st.integers(0, 2**53 - 1))
    row["position_age_ns"] = draw(st.integers(-1, 2**63 - 1))
    row["confidence"] = draw(st.floats(0, 1)) if row["intent"] else 0.0
    for field in WORDS:
        row[field] = draw(st.integers(0, 2**64 - 1))
    for field in TIMES:
        row[field] = draw(st.integers(0, 2**63 - 1))
    for field in (*ACTED_ON, "allotment", "equity"):
        row[field] = draw(finite)
    for field in FREE:
        row[field] = draw(anything)
    for field, count in (
        ("posterior", 4),
        ("scores", 4),
        ("weights", 4),
        ("gate_value", len(Gate)),
    ):
        row[field] = draw(st.lists(anything, min_size=count, max_size=count))
    row["age_ns"] = [draw(st.integers(-1, 2**63 - 1)) for _ in Domain]
    row["gate_status"] = [draw(st.integers(0, len(GateStatus) - 1)) for _ in Gate]
    return name, rows.tobytes()


@settings(max_examples=3 * SEARCHED // 2)
@given(rows())
def test_rendering_fits_the_schema_and_equals_the_typed_decision(drawn: tuple[str, bytes]) -> None:
    name, row = drawn
    _, context = golden_row(name)

    rendered = json.loads(render_json(row, context))

    VALIDATOR.validate(rendered)
    assert json.loads(render_decision(row, context).model_dump_json()) == rendered


@settings(max_examples=3 * SEARCHED)
@given(rows())
def test_rendering_is_the_plain_one_byte_for_byte(drawn: tuple[str, bytes]) -> None:
    name, row = drawn
    _, context = golden_row(name)

    assert render_json(row, context) == plainly(row, context)


@settings(max_examples=3 * SEARCHED // 2)
@given(rows())
def test_rendered_numbers_are_the_row_to_the_last_bit(drawn: tuple[str, bytes]) -> None:
    name, row = drawn
    _, context = golden_row(name)
    stored = np.frombuffer(row, DECISION)[0]

    rendered = json.loads(render_json(row, context))

    pairs = [(rendered["bid"], stored["bid"]), (rendered["position"], stored["position"])]
    pairs += zip((gate["value"] for gate in rendered["gates"]), stored["gate_value"], strict=True)
    for shown, held in pairs:
        if shown is None:
            assert not np.isfinite(held)
        else:
            assert struct.pack("<d", shown) == struct.pack("<d", held)
