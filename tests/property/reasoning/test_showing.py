"""Whatever numbers a row holds, what is shown of it is valid, unambiguous, and free of amounts."""

from __future__ import annotations

from typing import Final

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from torghut.reasoning.showing import RowLegend, advice_context
from torghut.schemas.leaf import LEAF_VERSION
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.rows import DECISION

SYMBOL: Final = "fxcm:EURUSD"
REALS: Final = st.floats() | st.floats(-2.0, 2.0)
AGES: Final = st.integers(-(2**63), 2**63 - 1) | st.integers(-1, 10**12)
FIELDS: Final = st.fixed_dictionaries(
    {
        **dict.fromkeys(
            ("bid", "ask", "reference_price", "target", "position", "allotment", "score"), REALS
        ),
        **dict.fromkeys(("entropy", "disagreement", "transition", "confidence", "equity"), REALS),
        **dict.fromkeys(
            ("posterior", "scores", "weights"), st.lists(REALS, min_size=4, max_size=4)
        ),
        "triggers": st.integers(0, 255),
        "reasons": st.integers(0, 2**64 - 1),
        "event_ns": st.integers(0, 2**63 - 1),
        "position_age_ns": AGES,
        "age_ns": st.lists(AGES, min_size=3, max_size=3),
        "gate_status": st.lists(st.integers(0, 2), min_size=13, max_size=13),
    }
)
LEGENDS: Final = st.builds(
    RowLegend,
    symbol=st.just(SYMBOL),
    regimes=st.sampled_from([(), ("normal",), ("calm", "normal", "elevated", "turbulent")]),
    multiplier=st.floats(1e-6, 1e6),
)
PLAIN: Final = RowLegend(symbol=SYMBOL, regimes=("calm", "turbulent"), multiplier=1.0)


def row(fields: dict[str, object]) -> bytes:
    """Return a row that holds these values."""
    rows = np.zeros(1, DECISION)
    rows["version"] = LEAF_VERSION
    for name, value in fields.items():
        rows[name] = value
    return rows.tobytes()


@given(FIELDS, LEGENDS)
def test_any_row_is_shown_as_json_that_comes_back(
    fields: dict[str, object], legend: RowLegend
) -> None:
    shown = advice_context(row(fields), legend, ())

    assert AdviceContext.model_validate_json(shown.model_dump_json()) == shown


@given(FIELDS, LEGENDS)
def test_every_fact_of_any_row_has_an_id_of_its_own(
    fields: dict[str, object], legend: RowLegend
) -> None:
    facts = advice_context(row(fields), legend, ()).facts

    assert len({one.id for one in facts}) == len(facts)


@given(FIELDS, st.floats())
def test_equity_changes_nothing_of_what_is_shown(fields: dict[str, object], equity: float) -> None:
    others = {**fields, "equity": equity}

    assert advice_context(row(others), PLAIN, ()) == advice_context(row(fields), PLAIN, ())


@given(FIELDS, st.floats())
@example({"reference_price": 1.0, "allotment": 1.0}, 1.0)
def test_cap_changes_nothing_of_what_is_shown_but_what_is_left(
    fields: dict[str, object], cap: float
) -> None:
    without, capped = (
        advice_context(row(one), PLAIN, ()) for one in (fields, {**fields, "notional_cap": cap})
    )
    changed = {fact.id for fact in set(without.facts) ^ set(capped.facts)}

    assert changed <= {"book:left"}
    assert {**capped.model_dump(), "facts": ()} == {**without.model_dump(), "facts": ()}


@given(FIELDS, st.floats(1.0, 1e6), st.floats(-1e6, 1e6), st.integers(-20, 20))
def test_an_account_that_is_so_many_times_as_large_is_shown_the_same(
    fields: dict[str, object], allotment: float, target: float, power: int
) -> None:
    scale = 2.0**power
    one = {**fields, "reference_price": 1.25, "position": target / 3.0}
    small = {**one, "allotment": allotment, "target": target}
    large = {
        **one,
        "allotment": allotment * scale,
        "target": target * scale,
        "position": target / 3.0 * scale,
    }

    assert advice_context(row(large), PLAIN, ()) == advice_context(row(small), PLAIN, ())
