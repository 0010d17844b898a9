"""The allotter in a cycle: it shares the cap, and asks the loop for what is different."""

from __future__ import annotations

from torghut.governance.allotting.allotment import Allot, RefuseAllotment, Seen
from torghut.schemas.control import ControlRecord, LimitsAllotted
from torghut.workflows.aggregates import ALLOTTER
from torghut.workflows.scheduling.governor import CycleAt, Governor
from torghut.workflows.scheduling.ports import Observed


async def allot(governor: Governor, at: CycleAt, observed: Observed) -> tuple[str, ...]:
    """Bring symbols towards their shares; return what the loop has not answered to.

    What was asked for and is not seen to hold is asked for again under the same id.
    """
    waiting = (await governor.governance.state(ALLOTTER)).pending
    applied = frozenset[str]()
    if waiting:
        applied = await governor.view.applied(
            frozenset(one.control_id for one in waiting),
            after_block=min(one.after_block for one in waiting),
        )
    command = Allot(
        cycle=at.cycle,
        seen={
            symbol: Seen(allotment=one.allotment, exposure=one.exposure)
            for symbol, one in observed.symbols.items()
        },
        applied=applied,
        shares=governor.policies.shares,
        after_block=observed.last_block,
        at_ns=at.now_ns,
    )
    await governor.governance.run(ALLOTTER, command)
    pending = (await governor.governance.state(ALLOTTER)).pending
    if not pending:
        return ()
    records: list[ControlRecord] = [
        LimitsAllotted(control_id=one.control_id, symbol=one.symbol, allotment=float(one.allotment))
        for one in pending
    ]
    answers = await governor.loop.offer(records)
    for answer in answers:
        if answer.status == "refused":
            refusal = RefuseAllotment(control_id=answer.control_id, at_ns=at.now_ns)
            await governor.governance.run(ALLOTTER, refusal)
    mute = sum(answer.status == "unknown" for answer in answers)
    return (f"allotter: no answer to {mute} of {len(records)} records",) if mute else ()
