"""Admission: is this context one to decide on, or one to refuse, and with which code?

Judged from the row and the symbol's own past alone. Order is judged within one stream: by receive
time over all its sources, by sequence within each. What is refused for its values still counts as
seen, so that its successors are judged against it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from torghut.kernel.native.compiled import compiled
from torghut.schemas.codes import ContextFlag, Reason, RefusalCode, Stream
from torghut.schemas.rows import (
    LATEST_NS,
    REMEMBERED_SOURCES,
    ContextRow,
    ParameterRow,
    StateRow,
)

REMEMBERED_SEQUENCES: Final = 64
"""How far back from a source's newest number it is known which of them were seen."""

_SOURCES: Final = REMEMBERED_SOURCES

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
_TIME_LEAP: Final = int(RefusalCode.TIME_LEAP)

_GAP_NOTE: Final = np.uint64(1 << Reason.SEQUENCE_GAP)
_SHIFT_NOTE: Final = np.uint64(1 << Reason.LEVEL_SHIFT)
_LEAP_NOTE: Final = np.uint64(1 << Reason.TIME_LEAP)
_EARLY_NOTE: Final = np.uint64(1 << Reason.RECEIVED_BEFORE_EVENT)
_EVENT_NOTE: Final = np.uint64(1 << Reason.EVENT_TIME_ASSUMED)
_RECEIVE_NOTE: Final = np.uint64(1 << Reason.RECEIVE_TIME_ASSUMED)
_NO_NOTE: Final = np.uint64(0)
_ONE: Final = np.uint64(1)


@compiled
def admit(context: ContextRow, state: StateRow, parameters: ParameterRow) -> int:
    """Return 0 to decide on ``context``, or the ``RefusalCode`` to refuse it with.

    Notes what is remarkable about an admitted context in ``state.notes``. A context out of its
    place in time or sequence is refused without a trace in the order state.
    """
    state.inputs += _ONE
    state.notes = _NO_NOTE
    refusal = judge_place(context, state, parameters)
    if refusal == _TIME_LEAP:
        _remember_leap(context, state, parameters)
    if refusal != _NONE:
        return refusal
    _remember_place(context, state)
    if context.refusal != _NONE:
        return int(context.refusal)
    refusal = _judge_values(context, state, parameters)
    if refusal != _NONE:
        return refusal
    _annotate_times(context, state, parameters)
    return _NONE


@compiled
def judge_place(context: ContextRow, state: StateRow, parameters: ParameterRow) -> int:
    """Return 0 if ``context`` has its place after what was taken before it; changes nothing.

    Only such a context moves its symbol's clock. A source that was forgotten, because others of
    its stream have taken turns since, must come back with later receive times than its stream had
    then.
    """
    if not (0 < context.receive_ns < LATEST_NS and 0 < context.event_ns < LATEST_NS):
        return _TIME_OUT_OF_RANGE
    if context.stream > _BAR:
        return _UNKNOWN_MESSAGE
    refusal = _judge_order(context, state)
    if refusal != _NONE or not _leaps_ahead(context, state, parameters):
        return refusal
    # One context that is delivered again and again confirms nothing: each must be later.
    confirms = _agrees(context, state, parameters) and context.receive_ns > state.leap_ns
    enough = state.leap_count >= parameters.jump_confirmations
    return _NONE if confirms and enough else _TIME_LEAP


@compiled
def _judge_order(context: ContextRow, state: StateRow) -> int:
    """Refuse what repeats or goes back, in its source's sequence or in its stream's time."""
    stream = int(context.stream)
    rank = _rank_of_source(context, state)
    if rank >= 0 and context.sequence <= state.stream_sequence[rank]:
        back = state.stream_sequence[rank] - context.sequence
        seen = back < REMEMBERED_SEQUENCES and (state.stream_window[rank] >> back) & _ONE == _ONE
        return _DUPLICATE if seen else _OUT_OF_ORDER
    if context.receive_ns < state.stream_receive_ns[stream]:
        return _OUT_OF_ORDER
    if rank < 0 and context.receive_ns <= state.stream_forgotten_ns[stream]:
        return _OUT_OF_ORDER
    return _NONE


@compiled
def _rank_of_source(context: ContextRow, state: StateRow) -> int:
    """Return where the context's source stands in its stream's memory; -1 if it does not."""
    first = int(context.stream) * _SOURCES
    for rank in range(first, first + _SOURCES):
        if state.stream_source[rank] == context.source + 1:
            return rank
    return -1


@compiled
def _leaps_ahead(context: ContextRow, state: StateRow, parameters: ParameterRow) -> bool:
    """Return whether the receive time is further ahead of the symbol's last than is plausible."""
    latest = context.receive_ns - parameters.receive_leap_ns
    if state.stream_receive_ns[int(context.stream)] >= latest:
        return False
    newest = 0
    for received_ns in state.stream_receive_ns:
        newest = max(newest, received_ns)
    return 0 < newest < latest


@compiled
def _agrees(context: ContextRow, state: StateRow, parameters: ParameterRow) -> bool:
    """Return whether a leap ahead leads to where the last one led."""
    onward = context.receive_ns - state.leap_ns
    return state.leap_count > 0 and 0 <= onward <= parameters.receive_leap_ns


@compiled
def _remember_leap(context: ContextRow, state: StateRow, parameters: ParameterRow) -> None:
    """Count contexts in a row that leap ahead to the same time, each later than the one before."""
    if not _agrees(context, state, parameters):
        state.leap_count = 0
        state.leap_ns = 0
    if context.receive_ns > state.leap_ns:
        state.leap_count += 1
        state.leap_ns = context.receive_ns


@compiled
def _remember_place(context: ContextRow, state: StateRow) -> None:
    """Remember the context as the newest of its source, and its source as that of its stream."""
    stream = int(context.stream)
    first = stream * _SOURCES
    rank = _rank_of_source(context, state)
    window = _ONE
    if rank >= 0:
        step = context.sequence - state.stream_sequence[rank]
        if context.marks & _SEQUENCED and step > _ONE:
            state.notes |= _GAP_NOTE
        if step < REMEMBERED_SEQUENCES:
            window |= state.stream_window[rank] << step
    else:
        rank = first + _SOURCES - 1
        if state.stream_source[rank] > 0:
            state.stream_forgotten_ns[stream] = state.stream_receive_ns[stream]
    for behind in range(rank, first, -1):
        state.stream_source[behind] = state.stream_source[behind - 1]
        state.stream_sequence[behind] = state.stream_sequence[behind - 1]
        state.stream_window[behind] = state.stream_window[behind - 1]
    state.stream_source[first] = context.source + 1
    state.stream_sequence[first] = context.sequence
    state.stream_window[first] = window
    state.stream_receive_ns[stream] = context.receive_ns
    if state.leap_count > 0:
        if context.receive_ns >= state.leap_ns:
            state.notes |= _LEAP_NOTE
        state.leap_count = 0


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
