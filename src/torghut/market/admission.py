"""Admission: is this context one to decide on, or one to refuse, and with which code?

Judged from the row and the symbol's own past alone. Order is judged within one stream of one
source; what is refused still counts as seen, so that its successors are judged against it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from torghut.kernel.compiled import compiled
from torghut.schemas.codes import ContextFlag, Reason, RefusalCode, Stream
from torghut.schemas.rows import ContextRow, ParameterRow, StateRow

LATEST_NS: Final = 7_258_118_400_000_000_000
"""2200-01-01: a time from here on is in another unit, or garbage."""
_WINDOW: Final = 64

_QUOTE: Final = int(Stream.QUOTE)
_TRADE: Final = int(Stream.TRADE)
_BAR: Final = int(Stream.BAR)
_SEQUENCED: Final = int(ContextFlag.SEQUENCED)
_EVENT_ASSUMED: Final = int(ContextFlag.EVENT_TIME_ASSUMED)
_RECEIVE_ASSUMED: Final = int(ContextFlag.RECEIVE_TIME_ASSUMED)

_NONE: Final = int(RefusalCode.NONE)
_NOT_FINITE: Final = int(RefusalCode.NOT_FINITE)
_NON_POSITIVE_PRICE: Final = int(RefusalCode.NON_POSITIVE_PRICE)
_NEGATIVE_SIZE: Final = int(RefusalCode.NEGATIVE_SIZE)
_CROSSED_BOOK: Final = int(RefusalCode.CROSSED_BOOK)
_OUT_OF_ORDER: Final = int(RefusalCode.OUT_OF_ORDER)
_DUPLICATE: Final = int(RefusalCode.DUPLICATE)
_NO_QUOTE: Final = int(RefusalCode.NO_QUOTE)
_ABSURD_JUMP: Final = int(RefusalCode.ABSURD_JUMP)
_WRONG_UNIT: Final = int(RefusalCode.WRONG_UNIT)
_TIME_OUT_OF_RANGE: Final = int(RefusalCode.TIME_OUT_OF_RANGE)
_UNKNOWN_MESSAGE: Final = int(RefusalCode.UNKNOWN_MESSAGE)

_GAP_NOTE: Final = np.uint64(1 << Reason.SEQUENCE_GAP)
_SHIFT_NOTE: Final = np.uint64(1 << Reason.LEVEL_SHIFT)
_EARLY_NOTE: Final = np.uint64(1 << Reason.RECEIVED_BEFORE_EVENT)
_EVENT_NOTE: Final = np.uint64(1 << Reason.EVENT_TIME_ASSUMED)
_RECEIVE_NOTE: Final = np.uint64(1 << Reason.RECEIVE_TIME_ASSUMED)
_NO_NOTE: Final = np.uint64(0)
_ONE: Final = np.uint64(1)


@compiled
def admit(context: ContextRow, state: StateRow, parameters: ParameterRow) -> int:
    """Return 0 to decide on ``context``, or the ``RefusalCode`` to refuse it with.

    Notes what is remarkable about an admitted context in ``state.notes``. A context that leaves
    the plausible times, repeats or goes back is refused without a trace in the order state.
    """
    state.inputs += _ONE
    state.notes = _NO_NOTE
    if not (0 < context.receive_ns < LATEST_NS and 0 < context.event_ns < LATEST_NS):
        return _TIME_OUT_OF_RANGE
    if context.stream > _BAR:
        return _UNKNOWN_MESSAGE
    refusal = _judge_order(context, state)
    if refusal != _NONE:
        return refusal
    if context.refusal != _NONE:
        return int(context.refusal)
    refusal = _judge_values(context, state, parameters)
    if refusal != _NONE:
        return refusal
    _annotate_times(context, state, parameters)
    return _NONE


@compiled
def _judge_order(context: ContextRow, state: StateRow) -> int:
    """Refuse what repeats or goes back in its stream, and remember the rest as seen."""
    stream = int(context.stream)
    window = _NO_NOTE
    if state.stream_seen[stream] == 1:
        same_source = state.stream_source[stream] == context.source
        last = state.stream_sequence[stream]
        if same_source and context.sequence <= last:
            back = last - context.sequence
            seen = back < _WINDOW and (state.stream_window[stream] >> back) & _ONE == _ONE
            return _DUPLICATE if seen else _OUT_OF_ORDER
        if context.receive_ns < state.stream_receive_ns[stream]:
            return _OUT_OF_ORDER
        if same_source:
            step = context.sequence - last
            if context.marks & _SEQUENCED and step > _ONE:
                state.notes |= _GAP_NOTE
            if step < _WINDOW:
                window = state.stream_window[stream] << step
    state.stream_seen[stream] = 1
    state.stream_window[stream] = window | _ONE
    state.stream_source[stream] = context.source
    state.stream_sequence[stream] = context.sequence
    state.stream_receive_ns[stream] = context.receive_ns
    return _NONE


@compiled
def _judge_values(context: ContextRow, state: StateRow, parameters: ParameterRow) -> int:
    """Refuse numbers that no market shows."""
    refusal = _judge_sizes(context)
    if refusal != _NONE:
        return refusal
    stream = int(context.stream)
    if stream in (_QUOTE, _BAR):
        return _judge_quote(context, state, parameters)
    if stream == _TRADE:
        refusal = _judge_price(context.last, parameters)
        if refusal != _NONE:
            return refusal
    if state.mid == 0.0:
        return _NO_QUOTE
    if stream == _TRADE and _leaps(context.last, state.mid, parameters.jump_ratio):
        return _ABSURD_JUMP
    return _NONE


@compiled
def _judge_quote(context: ContextRow, state: StateRow, parameters: ParameterRow) -> int:
    """Refuse a quote whose sides are impossible, apart or together, or far from the last."""
    for price in (context.bid, context.ask):
        refusal = _judge_price(price, parameters)
        if refusal != _NONE:
            return refusal
    if context.bid > context.ask:
        return _CROSSED_BOOK
    return _judge_jump(0.5 * (context.bid + context.ask), state, parameters)


@compiled
def _judge_sizes(context: ContextRow) -> int:
    """Refuse a negative or infinite size; a size may be absent (NaN)."""
    for size in (context.bid_size, context.ask_size, context.last_size):
        if size < 0.0:
            return _NEGATIVE_SIZE
        if size == math.inf:
            return _NOT_FINITE
    return _NONE


@compiled
def _judge_price(price: float, parameters: ParameterRow) -> int:
    """Refuse a price that is absent, not finite, not positive or in another unit."""
    if not abs(price) < math.inf:
        return _NOT_FINITE
    if price <= 0.0:
        return _NON_POSITIVE_PRICE
    if price < parameters.price_min or price > parameters.price_max:
        return _WRONG_UNIT
    return _NONE


@compiled
def _leaps(price: float, reference: float, ratio: float) -> bool:
    """Return whether ``price`` is further from ``reference`` than ``ratio`` of it."""
    return abs(price - reference) > ratio * reference


@compiled
def _judge_jump(mid: float, state: StateRow, parameters: ParameterRow) -> int:
    """Refuse a leap of the mid price until enough contexts in a row agree that it is real."""
    if state.mid == 0.0 or not _leaps(mid, state.mid, parameters.jump_ratio):
        state.jump_count = 0
        return _NONE
    if state.jump_count > 0 and not _leaps(mid, state.jump_mid, parameters.jump_ratio):
        state.jump_count += 1
    else:
        state.jump_count = 1
    state.jump_mid = mid
    if state.jump_count <= parameters.jump_confirmations:
        return _ABSURD_JUMP
    state.jump_count = 0
    state.notes |= _SHIFT_NOTE
    return _NONE


@compiled
def _annotate_times(context: ContextRow, state: StateRow, parameters: ParameterRow) -> None:
    """Note which times were assumed, and an event later than its receipt."""
    if context.marks & _EVENT_ASSUMED:
        state.notes |= _EVENT_NOTE
    if context.marks & _RECEIVE_ASSUMED:
        state.notes |= _RECEIVE_NOTE
    if context.event_ns - context.receive_ns > parameters.tolerance_ns:
        state.notes |= _EARLY_NOTE
