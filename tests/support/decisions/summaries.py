"""Made-up summaries: one of a real small run, one of everything at its largest, one hostile."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np

from tests.support.decisions.reports import FACTS, market, observe, source
from torghut.schemas.codes import MAX_REGIMES, REGIME_LABELS, Expert, Gate, Intent
from torghut.workflows.report.series import POINTS
from torghut.workflows.report.summary import (
    ArmDifference,
    RefusalExample,
    Series,
    Summary,
    SymbolReport,
)

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\x1b[2J\u202e\x00"
"""What nobody declares, but a file name, an excerpt or a symbol may try to be."""


@cache
def small() -> Summary:
    """Return the summary of a run of two symbols with some of everything."""
    return observe(source(market(700)), sizes=(100, 64)).summary()


def largest_series(seed: int) -> Series:
    """Return a course of as many points as there can be, none of them like its neighbour."""
    draw = np.random.Generator(np.random.PCG64(seed))
    count = POINTS + 1
    price = 1.38 + np.cumsum(draw.normal(0.0, 1e-4, count))
    weights = draw.dirichlet(np.ones(len(Expert)), count)

    def counts(width: int) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(row) for row in draw.integers(0, 200, (count, width)).tolist())

    def money() -> tuple[float, ...]:
        return tuple(np.cumsum(draw.normal(0.0, 50.0, count)).tolist())

    positions = (draw.integers(-100, 100, count) * 1000.0).tolist()
    return Series(
        stride=512,
        time_ns=tuple(
            (1_400_000_000_000_000_000 + np.cumsum(draw.integers(10**9, 10**12, count))).tolist()
        ),
        price=tuple(price.tolist()),
        low=tuple((price - 1e-4).tolist()),
        high=tuple((price + 1e-4).tolist()),
        weights=tuple(tuple(row) for row in weights.tolist()),
        target=tuple(None if n % 7 == 0 else p for n, p in enumerate(positions)),
        position=tuple(positions),
        equity=money(),
        holding=money(),
        trend=money(),
        intents=counts(len(Intent)),
        regimes=counts(MAX_REGIMES + 1),
        gates=counts(len(Gate)),
    )


def largest(symbols: int = 3) -> Summary:
    """Return a summary with everything that a page or a screen can have to show."""
    one = small().symbols[0]
    many = tuple(
        replace(
            one,
            symbol=f"binance-spot:SYMBOL-{n:02d}-OF-A-LONG-NAME",
            regime_labels=REGIME_LABELS[MAX_REGIMES],
            series=largest_series(n),
            serving=replace(one.serving, gain=-12_345_678.9, fees=1e6, changes=10**7),
        )
        for n in range(symbols)
    )
    facts = replace(
        FACTS,
        parts=tuple(f"folder/file-{n}.zip" for n in range(400)),
        licence="a licence of many words " * 20,
        log="a/" * 60 + "log",
        page="a/" * 60 + "html",
        commands=tuple(f"torghut command {n} " + "--long" * 30 for n in range(9)),
    )
    codes = {f"market.code-{n}": n for n in range(1, 18)}
    arm = ArmDifference(arm="router", decisions=10, intents_differ=3)
    examples = tuple(
        RefusalExample(code=code, where="somewhere " * 5, excerpt="x" * 120)
        for code in codes
        for _ in range(3)
    )
    return replace(
        small(),
        facts=facts,
        symbols=many,
        unattributed=codes,
        examples=examples,
        arms=(arm, arm, arm),
        fits=small().fits * 5,
        first_block=7,
        trend_left_out="block 3: " + "for a reason of many words " * 9,
    )


def hostile() -> Summary:
    """Return a summary in which every text tries to become something else."""
    symbols = tuple(_hostile(symbol) for symbol in small().symbols)
    fits = tuple(replace(fit, package=HOSTILE) for fit in small().fits)
    return replace(
        small(),
        symbols=symbols,
        fits=fits,
        unattributed={HOSTILE: 3},
        controls={HOSTILE: 2},
        trend_left_out=HOSTILE,
        examples=(RefusalExample(code=HOSTILE, where=HOSTILE, excerpt=HOSTILE),),
        arms=(ArmDifference(arm=HOSTILE, decisions=2, intents_differ=1),),
        facts=replace(
            FACTS,
            source_kind=HOSTILE,
            parts=(HOSTILE,),
            licence=HOSTILE,
            assumptions={HOSTILE: HOSTILE},
            log=HOSTILE,
            page=HOSTILE,
            root=HOSTILE,
            head_digest=HOSTILE,
            commands=(HOSTILE,),
        ),
    )


def _hostile(symbol: SymbolReport) -> SymbolReport:
    return replace(
        symbol,
        symbol=HOSTILE,
        currency=HOSTILE,
        unit=HOSTILE,
        regime_labels=tuple(f"{n}{HOSTILE}" for n in range(MAX_REGIMES)),
        refusals={HOSTILE: 1},
        reasons={HOSTILE: 1},
        modes={HOSTILE: 1},
    )
