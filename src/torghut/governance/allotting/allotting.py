"""The allotter: lowers at once, raises only into room that is free already.

A symbol counts with its allotment or its exposure, whichever is more, because an allotment that was
lowered frees nothing while the position is still there. A symbol that was never heard of is born
with its declared share without anybody asking, so that share is kept for it. Each symbol's record
applies by its own clock and in no order with the others: what is raised must therefore fit even
where nothing that is lowered has been lowered yet. Then the sum of what counts is never more than
the cap, at any position of the log (design 4.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex

CENT: Final = Decimal("0.01")
"""Allotments are whole cents: less than that is no reason for a record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What a symbol has.

    Attributes:
        allotment: Quote currency, as the loop last applied it.
        asked: The highest allotment that may still apply: of records sent and not yet seen
            applied. At least ``allotment``, or the same.
        exposure: Absolute notional of position and resting orders, quote currency.
    """

    allotment: Decimal
    asked: Decimal
    exposure: Decimal

    @property
    def counted(self) -> Decimal:
        """What it takes of the cap until it is seen to have less."""
        return max(self.allotment, self.asked, self.exposure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What symbols are to have.

    Attributes:
        cap: Of all together.
        max_symbols: So many may be born; each with an equal share of the cap.
        weights: By symbol, at least 0; one that is not named has weight 1.
    """

    cap: Decimal
    max_symbols: int
    weights: Mapping[str, Decimal]

    @property
    def digest(self) -> str:
        """What names it, 64 hex digits."""
        weights = {name: f"{one:f}" for name, one in sorted(self.weights.items())}
        said: JsonObject = {
            "cap": f"{self.cap:f}",
            "max_symbols": self.max_symbols,
            "weights": {**weights},
        }
        return sha256_hex(canonical_bytes(said))

    @property
    def newborn(self) -> Decimal:
        """The share that a symbol is born with."""
        return self.cap / self.max_symbols


def desired(held: Mapping[str, Holding], shares: Shares) -> dict[str, Decimal]:
    """Return what each of ``held`` is to have in the end.

    The known symbols divide the shares that they were born with, by weight.
    """
    weights = {one: max(Decimal(0), shares.weights.get(one, Decimal(1))) for one in held}
    total = sum(weights.values(), Decimal(0))
    if not total:
        return dict.fromkeys(held, Decimal(0))
    known = min(len(held), shares.max_symbols)
    pot = shares.newborn * known
    return {
        symbol: (pot * weight / total).quantize(CENT, ROUND_FLOOR)
        for symbol, weight in weights.items()
    }


def next_allotments(held: Mapping[str, Holding], shares: Shares) -> dict[str, Decimal]:
    """Return the allotments to send now, by symbol; none where all is as it should be.

    Args:
        held: What each known symbol has.
        shares: What they are to have.
    """
    wanted = desired(held, shares)
    unborn = max(0, shares.max_symbols - len(held))
    counted = sum((one.counted for one in held.values()), Decimal(0))
    free = shares.cap - shares.newborn * unborn - counted
    sent: dict[str, Decimal] = {}
    for symbol, one in sorted(held.items()):
        if wanted[symbol] < one.asked:
            sent[symbol] = wanted[symbol]
    for symbol, one in sorted(held.items()):
        if wanted[symbol] <= one.asked:
            continue
        # What a symbol counts with already is room that a raise of its own may use.
        reachable = one.counted + max(Decimal(0), free)
        given = min(wanted[symbol], reachable.quantize(CENT, ROUND_FLOOR))
        if given > one.asked:
            free -= max(Decimal(0), given - one.counted)
            sent[symbol] = given
    return sent
