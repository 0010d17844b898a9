"""A cycle's look at the exposure ladder, and the cap that a live loop is given by it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from torghut.schemas.control import ModeChanged
from torghut.workflows.scheduling.governor import Governor, Turn
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.rolling_back import RunSubject

_NOTHING: Final = Decimal(0)


async def review_exposure(
    governor: Governor, turn: Turn, observed: Observed, run: RunSubject | None
) -> tuple[str, ...]:
    """Look at the ladder, tell live symbols the cap that holds, and return what there is to say.

    Nobody is made live by it: a symbol that is not has no cap to be told. Where the stage in force
    allows no live trading, a live symbol may hold nothing any more: it goes flat.
    """
    run_id = "" if run is None else run.run_id
    cap = await governor.ladder.review(now_ns=turn.now_ns, run_id=run_id)
    live = sorted(name for name, one in observed.symbols.items() if one.mode == "live")
    remarks: list[str] = []
    if cap is None and live:
        names = ", ".join(live)
        remarks.append(f"exposure: the stage in force allows no live: {names} may hold nothing")
    records = list(_told(observed, live, _NOTHING if cap is None else cap))
    if records:
        answers = await governor.loop.offer(records)
        remarks += [
            f"exposure: the loop has not taken {one.control_id}: {one.status}"
            for one in answers
            if one.status != "recorded"
        ]
    return tuple(remarks)


def _told(observed: Observed, live: list[str], cap: Decimal) -> Iterator[ModeChanged]:
    """Yield what live symbols are told that have another cap.

    One that has not decided since is told the same again, under the same id: once is enough.
    """
    for name in live:
        seen = observed.symbols[name]
        if seen.notional_cap != cap:
            yield ModeChanged(
                control_id=f"exposure:{name}:{seen.block}:{cap:f}",
                symbol=name,
                mode="live",
                notional_cap=float(cap),
            )
