"""A row is rendered in the words of its time, or not at all."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import pytest

from tests.replay.golden_decisions import golden_row
from tests.support.decisions.declared import shipped
from torghut.decisions.fold.lineage import Lineage
from torghut.decisions.parameters import parameter_rows
from torghut.decisions.render_context import RenderContext, render_context
from torghut.decisions.rendering import RowUnrenderableError, render_decision, render_json
from torghut.kernel.ids import IdentifierMalformedError
from torghut.schemas.codes import Gate, GateStatus, Intent, Reason
from torghut.schemas.decision import Decision
from torghut.schemas.leaf import LeafVersionError
from torghut.schemas.rows import DECISION, PARAMETERS

Value = float | int | list[float] | list[int]

SYMBOL: Final = "fxcm:EURUSD"


def changed(name: str = "buy", /, **fields: Value) -> tuple[bytes, RenderContext]:
    """Return a golden row with some fields changed, and what its rendering needs."""
    raw, context = golden_row(name)
    rows = np.frombuffer(raw, DECISION).copy()
    for field, value in fields.items():
        rows[0][field] = value
    return rows.tobytes(), context


def declared(arm: str = "serving", run_id: str = "") -> RenderContext:
    """Return what the shipped declarations say about rows of one symbol."""
    declarations = shipped()
    parameters, _ = parameter_rows(declarations, {}, [SYMBOL])
    return render_context(
        instrument=declarations.instrument(SYMBOL),
        gates=declarations.gates,
        parameters=parameters[0],
        lineage=Lineage(
            arm=arm, kernel_version=1, declarations=declarations.digest, package="", control=""
        ),
        run_id=run_id,
    )


def test_row_and_its_bytes_are_rendered_alike() -> None:
    raw, context = golden_row("buy")

    assert render_json(np.frombuffer(raw, DECISION)[0], context) == render_json(raw, context)


def test_typed_decision_says_what_the_row_says() -> None:
    raw, context = golden_row("sell")
    row = np.frombuffer(raw, DECISION)[0]

    decision = render_decision(raw, context)

    assert isinstance(decision, Decision)
    assert (decision.intent, decision.mode, decision.position_basis) == ("sell", "paper", "paper")
    assert decision.target_position == row["target"]
    assert decision.decided_ns == decision.receive_ns == row["receive_ns"]
    assert "receive-time-assumed" in decision.reasons


def test_clamps_are_judged_against_the_row_and_other_gates_as_declared() -> None:
    raw, context = changed(allotment=50_000.0, notional_cap=75_000.0)

    gates = {gate.id: gate for gate in render_decision(raw, context).gates}
    assert gates["allotment"].threshold == 50_000.0
    assert gates["notional"].threshold == 75_000.0
    assert (gates["spread"].comparator, gates["spread"].threshold) == ("<=", 0.0003)
    assert gates["reconciliation"].status == "not-applicable"


def test_number_that_is_not_finite_is_null() -> None:
    values = [math.inf] + [0.0] * (len(Gate) - 1)

    decision = render_decision(
        *changed(entropy=math.nan, gate_value=values, scores=[-math.inf] * 4)
    )

    assert decision.entropy is None
    assert decision.gates[0].value is None
    assert decision.expert_scores.trend is None


def test_abstaining_has_neither_target_nor_delta() -> None:
    decision = render_decision(*changed("abstain", target=5.0, delta=5.0))

    assert decision.target_position is None
    assert decision.delta is None


def test_freshness_is_what_the_kernel_judged() -> None:
    stale = 1 << Reason.STALE_MARKET

    assert render_decision(*changed(reasons=stale)).freshness.market.status == "stale"
    assert render_decision(*changed(reasons=0)).freshness.market.status == "fresh"
    missing = render_decision(*changed(reasons=stale, age_ns=[-1, -1, -1])).freshness
    assert (missing.market.status, missing.market.age_ns) == ("missing", None)
    assert (missing.news.status, missing.news.limit_ns) == ("not-applicable", None)


def test_regime_without_a_valid_posterior_is_null() -> None:
    assert render_decision(*changed(regime=255)).regime is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tag", 1),
        ("intent", len(Intent)),
        ("path", 2),
        ("mode", 3),
        ("regime", 4),
        ("lead", 4),
        ("basis", 2),
        ("stream", 4),
        ("triggers", 1 << 5),
        ("reasons", 1 << 63),
        ("gate_status", [len(GateStatus)] * len(Gate)),
        ("symbol_key", 1),
        ("lineage", [1, 2, 3, 4]),
        ("sequence", 2**53),
        ("receive_ns", -1),
        ("bid", math.nan),
        ("target", math.inf),
        ("delta", math.nan),
        ("position", math.nan),
        ("notional_cap", math.inf),
        ("confidence", math.nan),
        ("confidence", 1.5),
        ("confidence", -0.1),
    ],
)
def test_row_that_nobody_should_act_on_is_refused(field: str, value: Value) -> None:
    raw, context = changed(**{field: value})

    with pytest.raises(RowUnrenderableError):
        render_json(raw, context)


def test_row_of_a_layout_that_is_not_known_here_is_told_apart_from_an_altered_one() -> None:
    with pytest.raises(LeafVersionError, match=r"layout 1, found layout 2"):
        render_json(*changed(version=2))


def test_confidence_in_abstaining_is_refused() -> None:
    with pytest.raises(RowUnrenderableError):
        render_json(*changed("abstain", confidence=0.2))


def test_row_cut_short_is_refused() -> None:
    raw, context = golden_row("buy")

    with pytest.raises(RowUnrenderableError) as refused:
        render_json(raw[:-1], context)
    assert refused.value.expected == str(DECISION.itemsize)


def test_context_spells_the_declarations() -> None:
    context = declared()

    assert (context.unit, context.currency, context.suffix) == ("EUR", "USD", "/serving")
    assert [name for name, _, _ in context.gates] == [
        gate.name.lower().replace("_", "-") for gate in Gate
    ]
    assert context.limits_ns == (5_000_000_000, None, None)
    assert context.regimes == ()


def test_shadow_names_its_run() -> None:
    assert declared("shadow", "r1").suffix == "/shadow/none/r1"
    with pytest.raises(IdentifierMalformedError):
        declared("shadow")
    with pytest.raises(IdentifierMalformedError):
        declared("serving", "r1")


def test_regimes_are_as_many_as_the_package_has() -> None:
    declarations = shipped()
    row = np.zeros(1, PARAMETERS)[0]
    row["regimes"] = 2
    lineage = Lineage(arm="serving", kernel_version=1, declarations="", package="", control="")

    context = render_context(
        instrument=declarations.instrument(SYMBOL),
        gates=declarations.gates,
        parameters=row,
        lineage=lineage,
    )
    assert context.regimes == ("calm", "turbulent")
