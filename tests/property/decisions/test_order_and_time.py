"""Contexts out of their order, and times that cannot be, neither count twice nor stay fresh."""

from __future__ import annotations

import numpy as np

from tests.support.decisions.holding import NOW_NS, eased_tables, following, long_states
from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import SECOND_NS, START_NS, decide, quotes, state_rows, tables
from torghut.decisions.fold.control import apply_control
from torghut.schemas.codes import Domain, Gate, GateStatus, RefusalCode, Stream
from torghut.schemas.control import NewsArrived


def test_one_context_has_one_decision_when_sources_alternate() -> None:
    # §4.2 Identity: "at most one serving decision per context"; issue 3: duplicate = same id.
    contexts = quotes([1.3, 1.3, 1.3])
    contexts["sequence"] = [5, 9, 5]
    contexts["source"] = [0, 1, 0]

    decisions, outcomes = decide(compiled(), contexts, state_rows(), tables())

    ids = {(int(r["source_low"]), int(r["source_sequence"])) for r in decisions}
    assert len(ids) == len(decisions)
    assert outcomes[2] in (RefusalCode.DUPLICATE, RefusalCode.OUT_OF_ORDER)


def test_one_wrong_receive_time_does_not_silence_the_symbol() -> None:
    # Issue 3: hostile input is refused with a code; the loop goes on.
    contexts = quotes(np.full(100, 1.3))
    contexts["receive_ns"][10] += 50 * 365 * 86_400 * SECOND_NS

    _, outcomes = decide(compiled(), contexts, state_rows(), tables())

    assert np.count_nonzero(outcomes) <= 10


def test_a_wrong_receive_time_does_not_make_a_dead_quote_fresh() -> None:
    # §3.4 fail closed; §4.2 Time: negative age beyond tolerance is annotated and judged.
    shared = eased_tables()
    states = long_states(shared)
    wrong = following(states)
    wrong["receive_ns"] += 86_400 * SECOND_NS
    wrong["event_ns"] = wrong["receive_ns"]
    before_ns = int(states["stream_receive_ns"][0, 0])
    trades = quotes(np.full(50, float(states["mid"][0])), step_ns=60 * SECOND_NS)
    trades["stream"], trades["last"] = Stream.TRADE, float(states["mid"][0])
    trades["receive_ns"] += before_ns - START_NS  # the venue's quotes have ended; trades go on
    trades["event_ns"] = trades["receive_ns"]

    rows, _ = decide(compiled(), np.concatenate([wrong, trades]), states, shared)

    assert rows[-1]["gate_status"][Gate.FRESHNESS] == GateStatus.FAIL  # 50 minutes old, limit 10 s


def test_news_from_the_future_is_not_fresh_for_ever() -> None:
    # §3.4: never a silent default; §4.2 Time: negative age beyond tolerance is judged.
    shared = eased_tables()
    states = long_states(shared)
    shared.parameters["domain_required"][:, Domain.NEWS] = 1
    shared.parameters["age_limit_ns"][:, Domain.NEWS] = 60 * SECOND_NS
    news = NewsArrived(control_id="n", item_id="n", published_at_ns=2**63 - 1, relevant=False)
    apply_control(news, NOW_NS, states[0])

    (row,), _ = decide(compiled(), following(states), states, shared)

    assert row["gate_status"][Gate.FRESHNESS] == GateStatus.FAIL


def test_turnover_is_not_forgotten_when_another_stream_lags_over_midnight() -> None:
    # governance turnover: traded notional per UTC day; streams are ordered each by itself.
    shared = eased_tables()
    states = long_states(shared)
    day_ns = 86_400 * SECOND_NS
    midnight_ns = (NOW_NS // day_ns + 1) * day_ns
    states["turnover_day"], states["traded_notional"] = midnight_ns // day_ns, 5e6
    trades = quotes(np.full(2, float(states["mid"][0])))
    trades["stream"], trades["last"] = Stream.TRADE, float(states["mid"][0])
    trades["receive_ns"] = [midnight_ns - 1, midnight_ns + 1]
    trades["event_ns"] = trades["receive_ns"]

    rows, _ = decide(compiled(), trades, states, shared)

    assert rows[-1]["gate_value"][Gate.TURNOVER] >= 50.0


def test_a_context_delivered_again_does_not_confirm_its_own_leap() -> None:
    # §3.7: "Delivery is at least once; ids are derived from content, so effects happen once". One
    # context with a wrong time, delivered four times, silences the symbol for fifty years.
    good = quotes(np.full(40, 1.3))
    wrong = good[10:11].copy()
    wrong["receive_ns"] += 50 * 365 * 86_400 * SECOND_NS
    contexts = np.concatenate([good[:10], wrong, wrong, wrong, wrong, wrong, good[11:]])

    _, outcomes = decide(compiled(), contexts, state_rows(), tables())

    assert not outcomes[15:].any()
