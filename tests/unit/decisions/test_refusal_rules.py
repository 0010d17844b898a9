"""What is told of each refusal is what the kernel does with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pytest

from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import SECOND_NS, RowArray, decide, quotes, state_rows, tables
from torghut.decisions.explaining.refusals import RULES, Judge, Placed
from torghut.schemas.codes import RefusalCode, Stream
from torghut.schemas.declarations.instruments import Instrument

Change = Callable[[RowArray], None]


def _having(**values: float) -> Change:
    """Return the change that gives a context other values."""

    def change(context: RowArray) -> None:
        for name, value in values.items():
            context[name] = value

    return change


def _later(seconds: int) -> Change:
    """Return the change that makes a context be received that much later."""

    def change(context: RowArray) -> None:
        context["receive_ns"] += seconds * SECOND_NS

    return change


REFUSED: Final[Mapping[RefusalCode, Change]] = {
    RefusalCode.MISSING_FIELD: _having(refusal=RefusalCode.MISSING_FIELD),
    RefusalCode.WRONG_TYPE: _having(refusal=RefusalCode.WRONG_TYPE),
    RefusalCode.NOT_FINITE: _having(bid=np.nan),
    RefusalCode.NON_POSITIVE_PRICE: _having(bid=0.0),
    RefusalCode.NEGATIVE_SIZE: _having(bid_size=-1.0),
    RefusalCode.CROSSED_BOOK: _having(bid=1.4),
    RefusalCode.OUT_OF_ORDER: _later(-60),
    RefusalCode.DUPLICATE: _having(sequence=1),
    RefusalCode.NO_QUOTE: _having(stream=Stream.DEPTH),
    RefusalCode.ABSURD_JUMP: _having(bid=2.0, ask=2.0),
    RefusalCode.WRONG_UNIT: _having(bid=1e-5),
    RefusalCode.TIME_OUT_OF_RANGE: _having(receive_ns=-1),
    RefusalCode.UNKNOWN_MESSAGE: _having(stream=200),
    RefusalCode.TIME_LEAP: _later(20 * 86_400),
}
"""A third quote made one that is refused, for each code that the kernel can give."""

_ORDER: Final = (
    "stream_source",
    "stream_sequence",
    "stream_window",
    "stream_receive_ns",
    "stream_forgotten_ns",
)


def test_every_code_that_the_kernel_judges_is_tried() -> None:
    judged = {code for code, rule in RULES.items() if rule.judge is not Judge.SOURCE}
    carried = {code for code, rule in RULES.items() if rule.placed is Placed.IF_CONTEXT}

    assert set(REFUSED) == judged | carried


@pytest.mark.parametrize("code", REFUSED)
def test_a_refused_context_takes_its_place_where_it_is_told_to(code: RefusalCode) -> None:
    states, contexts = state_rows(), quotes([1.3, 1.3, 1.3])
    if code is not RefusalCode.NO_QUOTE:
        decide(compiled(), contexts[:2], states, tables())
    before = states.copy()
    refused = contexts[2:].copy()
    REFUSED[code](refused)

    _, outcomes = decide(compiled(), refused, states, tables())

    assert outcomes.tolist() == [code]
    moved = any((states[name] != before[name]).any() for name in _ORDER)
    assert moved == (RULES[code].placed is not Placed.NO)


@pytest.mark.parametrize("code", RULES)
def test_a_rule_is_judged_by_keys_that_can_be_declared(code: RefusalCode) -> None:
    for key in RULES[code].keys:
        section, _, name = key.partition(".")
        field = Instrument.model_fields[section]
        assert not name or name in field.annotation.model_fields  # type: ignore[union-attr]
