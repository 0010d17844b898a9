"""What a block's last decision of a symbol shows of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Final, get_args

import numpy as np

from torghut.decisions.recording import Recorded
from torghut.kernel.ids import SERVING
from torghut.schemas.block import BlockLineage
from torghut.schemas.codes import Reason
from torghut.schemas.decision import ModeName
from torghut.schemas.rows import RowArray
from torghut.workflows.scheduling.ports import SymbolSeen

MODES: Final[tuple[ModeName, ...]] = get_args(ModeName)
"""By the number that rows hold."""


def last_of_each(rows: RowArray) -> Iterable[int]:
    """Return the places of the last decision of each symbol in a block."""
    _, first_from_behind = np.unique(rows["symbol_key"][::-1], return_index=True)
    return [len(rows) - 1 - int(place) for place in first_from_behind]


def symbol_seen(row: np.void, lineages: Mapping[bytes, BlockLineage]) -> SymbolSeen:
    """Return what a symbol's last decision shows."""
    notional = max(abs(float(row["position"])), abs(float(row["target"])))
    price = float(row["reference_price"])
    exposure = notional * price if math.isfinite(price) else 0.0
    lineage = lineages.get(row["lineage"].tobytes())
    return SymbolSeen(
        mode=MODES[int(row["mode"])],
        allotment=Decimal(repr(float(row["allotment"]))),
        exposure=Decimal(repr(exposure)),
        notional_cap=Decimal(repr(float(row["notional_cap"]))),
        equity=float(row["equity"]),
        package="" if lineage is None else lineage.package,
        lifetime_ns=max(0, int(row["valid_until_ns"]) - int(row["decided_ns"])),
        routed=not int(row["reasons"]) >> Reason.STATIC_WEIGHTS & 1,
    )


def lineages_of(recorded: Recorded) -> Mapping[bytes, BlockLineage]:
    """Return the serving arm's lineages, by the bytes that rows hold."""
    return {
        bytes.fromhex(digest): one
        for digest, one in recorded.header.lineages.items()
        if one.arm == SERVING
    }
