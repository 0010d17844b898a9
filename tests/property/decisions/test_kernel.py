"""What holds for the decision kernel whatever the market does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.decisions.holding import NOW_NS, eased_tables, following, long_states
from tests.support.decisions.kernels import compiled, reference
from tests.support.decisions.rows import (
    RowArray,
    decide,
    interleaved,
    quotes,
    state_rows,
    tables,
    walk,
)
from torghut.schemas.codes import GateStatus, Intent, OnStop, RefusalCode, Switch
from torghut.schemas.rows import CONTEXT, DECISION

_SYMBOLS = 3

_wild = st.floats(allow_nan=True, allow_infinity=True)
_price = st.one_of(st.floats(0.5, 2.0), _wild)
_time = st.one_of(
    st.integers(1_400_000_000_000_000_000, 1_400_000_100_000_000_000),
    st.integers(-(2**63), 2**63 - 1),
)
_context = st.tuples(
    st.integers(0, _SYMBOLS - 1),
    st.integers(0, 1),
    st.integers(0, 6),
    st.integers(0, 255),
    st.sampled_from([0, 0, 0, RefusalCode.UNDECODABLE]),
    st.one_of(st.integers(0, 200), st.integers(0, 2**64 - 1)),
    _time,
    _time,
    _price,
    _price,
    _price,
    _price,
    _price,
    _price,
)


def _rows(contexts: list[tuple[float, ...]]) -> RowArray:
    return np.array(contexts, CONTEXT)


@settings(max_examples=40, deadline=None)
@given(st.lists(_context, min_size=1, max_size=30))
def test_compiled_and_interpreted_agree_on_hostile_rows(
    contexts: list[tuple[float, ...]],
) -> None:
    rows, fast_states, slow_states = _rows(contexts), state_rows(_SYMBOLS), state_rows(_SYMBOLS)

    fast, fast_outcomes = decide(compiled(), rows, fast_states, tables(_SYMBOLS))
    slow, slow_outcomes = decide(reference(), rows, slow_states, tables(_SYMBOLS))

    assert fast_outcomes.tobytes() == slow_outcomes.tobytes()
    assert fast.tobytes() == slow.tobytes()
    assert fast_states.tobytes() == slow_states.tobytes()


@pytest.mark.parametrize(("seed", "count"), [(0, 4000), (1, 800), (2, 800)])
def test_compiled_and_interpreted_agree_on_a_long_walk(seed: int, count: int) -> None:
    rows, fast_states, slow_states = (
        walk(count, symbols=_SYMBOLS, seed=seed),
        state_rows(_SYMBOLS),
        state_rows(_SYMBOLS),
    )

    fast, _ = decide(compiled(), rows, fast_states, tables(_SYMBOLS))
    slow, _ = decide(reference(), rows, slow_states, tables(_SYMBOLS))

    assert len(fast) > count // 2
    assert fast.tobytes() == slow.tobytes()
    assert fast_states.tobytes() == slow_states.tobytes()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 120), min_size=1, max_size=12), st.integers(0, 2**16))
def test_decisions_do_not_depend_on_how_the_stream_is_cut(cuts: list[int], seed: int) -> None:
    rows = walk(600, symbols=_SYMBOLS, seed=seed)
    whole, _ = decide(compiled(), rows, state_rows(_SYMBOLS), tables(_SYMBOLS))

    states, pieces, start = state_rows(_SYMBOLS), [], 0
    for size in [*cuts, len(rows)]:
        piece, _ = decide(compiled(), rows[start : start + size].copy(), states, tables(_SYMBOLS))
        pieces.append(piece.tobytes())
        start += size

    assert b"".join(pieces) == whole.tobytes()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16), st.integers(0, 2**16))
def test_one_symbol_does_not_feel_how_the_others_are_interleaved(seed: int, order: int) -> None:
    rows = walk(400, symbols=_SYMBOLS, seed=seed)

    kept, _ = decide(compiled(), rows, state_rows(_SYMBOLS), tables(_SYMBOLS))
    shuffled, _ = decide(
        compiled(), interleaved(rows, seed=order), state_rows(_SYMBOLS), tables(_SYMBOLS)
    )

    for key in range(1, _SYMBOLS + 1):
        mine, theirs = kept[kept["symbol_key"] == key], shuffled[shuffled["symbol_key"] == key]
        assert mine.tobytes() == theirs.tobytes()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**16))
def test_every_decision_explains_itself_soundly(seed: int) -> None:
    rows = walk(500, symbols=_SYMBOLS, seed=seed)

    decisions, outcomes = decide(compiled(), rows, state_rows(_SYMBOLS), tables(_SYMBOLS))

    assert len(decisions) == int(np.count_nonzero(outcomes == 0))
    assert np.all(np.abs(decisions["weights"].sum(axis=1) - 1.0) < 1e-12)
    assert np.all((decisions["weights"] >= 0.0) & (decisions["weights"] <= 1.0))
    assert np.all((decisions["entropy"] >= 0.0) & (decisions["entropy"] <= 1.0))
    assert np.all((decisions["confidence"] >= 0.0) & (decisions["confidence"] <= 1.0))
    assert np.all(np.abs(decisions["scores"]) <= 1.0)
    assert np.all(decisions["gate_status"] <= max(GateStatus))
    abstained = decisions[decisions["intent"] == Intent.ABSTAIN]
    assert np.all(abstained["confidence"] == 0.0)
    for key in np.unique(decisions["symbol_key"]):
        numbers = decisions["sequence"][decisions["symbol_key"] == key]
        assert numbers.tolist() == list(range(1, len(numbers) + 1))
    signs = np.signbit(decisions["target"][decisions["target"] == 0.0])
    assert not signs.any()


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**16),
    st.sampled_from(list(OnStop)),
    st.sampled_from([Switch.STOP, Switch.STOP_LATCH]),
    st.integers(100, 900),
)
def test_while_stopped_no_decision_raises_exposure(
    seed: int, on_stop: OnStop, switch: Switch, when: int
) -> None:
    rows, states = walk(1000, seed=seed), state_rows()
    decide(compiled(), rows[:when].copy(), states, tables())
    states["switches"] = 1 << switch
    states["on_stop"] = on_stop

    after, _ = decide(compiled(), rows[when:].copy(), states, tables())

    told = after[after["intent"] != Intent.ABSTAIN]
    exposure = np.abs(told["position"])
    assert np.all(np.diff(exposure) <= 0.0)
    assert np.all(np.abs(told["target"]) <= exposure)
    if on_stop is OnStop.FLATTEN:
        assert np.all(told["target"] == 0.0)


def test_row_is_the_leaf_with_its_tag() -> None:
    decisions, _ = decide(compiled(), quotes([1.3, 1.31]), state_rows(), tables())

    assert decisions.tobytes()[0] == 0
    assert decisions.tobytes()[DECISION.itemsize] == 0


def test_confidence_is_not_that_of_the_opposite_target() -> None:
    # Issue 3: confidence is the probability that the *target* gains; here the score opposes it.
    shared = eased_tables()
    states = long_states(shared)
    held = float(states["paper_position"][0])
    states["target"], states["order_live"], states["order_quantity"] = held, 1, 1.0
    states["paper_position"], states["order_due_ns"] = held - 1.0, NOW_NS * 2
    falling = following(states, count=90)
    falling["bid"] -= 3e-5 * np.arange(90)
    falling["ask"] -= 3e-5 * np.arange(90)

    row = decide(compiled(), falling, states, shared)[0][-1]

    assert row["score"] < -0.1
    assert row["target"] > 0.0
    assert row["confidence"] <= 0.5


@pytest.mark.parametrize("seed", range(3))
def test_hostile_numbers_give_the_same_bits_compiled_and_interpreted(seed: int) -> None:
    # §4.1: the reference kernel is the oracle, equal to the last bit.
    draw = np.random.Generator(np.random.PCG64(seed))
    contexts = walk(400, seed=seed)
    odd = [np.nan, np.inf, -np.inf, -0.0, 0.0, 5e-324, 1e-310, 1e308, -1.0]
    for name in ("bid", "ask", "bid_size", "ask_size", "last", "last_size"):
        where = draw.random(400) < 0.05
        contexts[name][where] = draw.choice(odd, where.sum())
    for name in ("receive_ns", "event_ns"):
        where = draw.random(400) < 0.02
        contexts[name][where] = draw.choice([0, -1, -(2**63), 2**63 - 1, 1], where.sum())
    where = draw.random(400) < 0.1
    contexts["sequence"][where] = draw.choice(
        np.array([0, 1, 2**63, 2**64 - 1], np.uint64), where.sum()
    )
    contexts["stream"][draw.random(400) < 0.02] = 200
    results = []
    for kernel in (compiled(), reference()):
        states, shared = state_rows(), tables()
        shared.parameters["price_min"], shared.parameters["price_max"] = 1e-300, 1e300
        shared.parameters["jump_confirmations"] = 1
        rows, outcomes = decide(kernel, contexts, states, shared)
        results.append((rows.tobytes(), outcomes.tobytes(), states.tobytes()))

    assert results[0] == results[1]
