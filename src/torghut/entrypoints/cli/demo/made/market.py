"""Made prices: a calm market that comes back to where it was, a wild one that goes on, in turns.

Drawn by a seeded generator, so they are the same wherever they are made. Which regime holds is
known because it was made so, and no claim is made that a real market is so kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SYMBOL: Final = "made:REGIMES"
STEPS: Final = 12_000
STEP_NS: Final = 7_000_000_000
FIRST_NS: Final = 1_704_067_200_000_000_000
"""2024-01-01; a day less some minutes of steps follows."""

_SEED: Final = 3
_START: Final = 100.0
_HALF_SPREAD: Final = 5e-5
_CALM_STEPS: Final = 300
_WILD_STEPS: Final = 150
_CALM_DEVIATION: Final = 8e-4
_WILD_DEVIATION: Final = 1e-3
_REVERSION: Final = 0.25
"""Share of its distance from where the calm began that a step goes back."""
_DRIFT: Final = 0.4
"""Of a wild step, in its deviations."""
_TURNS: Final = 1.0 / 80.0
"""Probability that a wild step turns round."""
_DOUBLINGS: Final = 10


def made_prices(steps: int = STEPS, *, seed: int = _SEED) -> Floats:
    """Return mid prices, shape (steps,).

    Args:
        steps: How many.
        seed: Of the generator; other seeds make other prices of the same market.
    """
    draw = np.random.Generator(np.random.PCG64(seed))
    noise, turns = draw.standard_normal(steps), draw.random(steps) < _TURNS
    wild = np.concatenate([*_turns(steps, draw)])[:steps]
    logs = np.zeros(steps)
    level, home, side = 0.0, 0.0, 1.0
    for step in range(steps):
        if wild[step]:
            side = -side if turns[step] else side
            level += _WILD_DEVIATION * (_DRIFT * side + noise[step])
        else:
            home = level if step and wild[step - 1] else home
            level += _CALM_DEVIATION * noise[step] - _REVERSION * (level - home)
        logs[step] = level
    return _START * _compounded(logs)


def _compounded(logs: Floats) -> Floats:
    """Return what growth at these rates comes to, compounded often instead of all the time.

    No exponential of a library: which of its ways a machine takes shows in the last digit.
    """
    grown: Floats = 1.0 + logs / 2.0**_DOUBLINGS
    for _ in range(_DOUBLINGS):
        grown = grown * grown
    return grown


def quotes_of(prices: Floats) -> tuple[Floats, Floats]:
    """Return bid and ask around ``prices``."""
    return prices - _HALF_SPREAD, prices + _HALF_SPREAD


def table_of(prices: Floats) -> str:
    """Return ``prices`` as the text of a table that the loop reads as a source."""
    bids, asks = quotes_of(prices)
    times = (FIRST_NS + STEP_NS * np.arange(1, len(prices) + 1)).tolist()
    lines = [
        f"{SYMBOL},{time},{time},{bid!r},{ask!r}\n"
        for time, bid, ask in zip(times, bids.tolist(), asks.tolist(), strict=True)
    ]
    return "symbol,event_time,receive_time,bid,ask\n" + "".join(lines)


def _turns(steps: int, draw: np.random.Generator) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield stretches of calm and of wild in turns, for at least ``steps``."""
    made, wild = 0, False
    while made < steps:
        mean = _WILD_STEPS if wild else _CALM_STEPS
        length = int(mean * (0.6 + 0.8 * draw.random()))
        yield np.full(length, wild)
        made, wild = made + length, not wild
