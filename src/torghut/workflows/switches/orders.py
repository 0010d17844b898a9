"""What became of orders, by the control records of a log: the consumer's word, and no other."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from torghut.decisions.recording import read_block
from torghut.eventlog.ports import DecisionLog
from torghut.schemas.control import FillReported, OrderReported

_LIVE_PARTITION: Final = 0
_TOLERANCE: Final = 1e-9
"""Of an order's quantity: sums of fills are no exact numbers."""


async def order_results(
    log: DecisionLog, orders: Mapping[str, float], *, after: int = -1
) -> Mapping[str, str]:
    """Return how orders ended that have: ``cancelled``, ``rejected``, ``expired`` or ``filled``.

    Args:
        log: Read from ``after`` to its head.
        orders: Quantity of each, by the id of the decision behind it.
        after: Number of a block before which none of them was made.

    Raises:
        LogIntegrityError: A block is not as it was written.
    """
    results: dict[str, str] = {}
    filled: dict[str, float] = {}
    async for block in log.blocks(_LIVE_PARTITION, after=after):
        for arrival in read_block(block).received:
            record = arrival.record
            if isinstance(record, OrderReported) and record.decision_id in orders:
                if record.status != "accepted":
                    results[record.decision_id] = record.status
            elif isinstance(record, FillReported) and record.decision_id in orders:
                name = record.decision_id or ""
                filled[name] = filled.get(name, 0.0) + record.quantity
    for name in _whole(orders, filled):
        results.setdefault(name, "filled")
    return results


def _whole(orders: Mapping[str, float], filled: Mapping[str, float]) -> Collection[str]:
    """Return the orders that were filled to the last lot."""
    return [
        name
        for name, quantity in filled.items()
        if abs(quantity) >= abs(orders[name]) * (1.0 - _TOLERANCE)
    ]
