"""A cycle's look at the exposure ladder, and the cap that a live loop is given by it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from torghut.schemas.control import ModeChanged
from torghut.workflows.scheduling.governor import Governor, Turn
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.rolling_back import RunSubject


async def review_exposure(
    governor: Governor, turn: Turn, observed: Observed, run: RunSubject | None
) -> tuple[str, ...]:
    """Look at the ladder, tell live symbols the cap that holds, and return what there is to say.

    Nobody is made live by it: a symbol that is not has no cap to be told. Where the stage in force
    allows no live trading, the ladder gives no cap; that a symbol is live all the same is for
    people to answer, and each note says so.
    """
    run_id = "" if run is None else run.run_id
    cap = await governor.ladder.review(now_ns=turn.now_ns, run_id=run_id)
    live = sorted(name for name, one in observed.symbols.items() if one.mode == "live")
    if cap is None:
        return (f"exposure: live, and the stage allows none: {', '.join(live)}",) if live else ()
    records = list(_told(observed, live, cap))
    remarks: list[str] = []
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
