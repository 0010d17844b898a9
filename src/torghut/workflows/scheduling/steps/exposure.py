"""A cycle's look at the exposure ladder, and the cap that a live loop is given by it."""

from __future__ import annotations

from decimal import Decimal

from torghut.schemas.control import ModeChanged
from torghut.workflows.scheduling.governor import Governor, Turn
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.rolling_back import RunSubject


async def review_exposure(
    governor: Governor, turn: Turn, observed: Observed, run: RunSubject | None
) -> tuple[str, ...]:
    """Look at the ladder, and tell a live loop the cap that holds; return what it did not take.

    Nobody is made live by it: a loop that is not has no cap to be told.
    """
    run_id = "" if run is None else run.run_id
    cap = await governor.ladder.review(now_ns=turn.now_ns, run_id=run_id)
    live = [one for one in observed.symbols.values() if one.mode == "live"]
    if cap is None or not live or all(one.notional_cap == cap for one in live):
        return ()
    return await _tell(governor, turn, cap)


async def _tell(governor: Governor, turn: Turn, cap: Decimal) -> tuple[str, ...]:
    """Tell the loop its cap."""
    record = ModeChanged(
        control_id=f"exposure:{turn.epoch}:{turn.cycle}", mode="live", notional_cap=float(cap)
    )
    (answer,) = await governor.loop.offer([record])
    if answer.status == "recorded":
        return ()
    return (f"exposure: the loop has not taken the cap {cap:f}: {answer.status}",)
