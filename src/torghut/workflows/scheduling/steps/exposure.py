"""What a cycle holds the loop to: the cap of the exposure ladder, and the stage's modes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from torghut.schemas.control import (
    ControlRecord,
    ModeChanged,
    ReasoningModeChanged,
    RouterModeChanged,
)
from torghut.schemas.live.control_ids import exposure_id, no_advising_id, no_routing_id
from torghut.workflows.scheduling.governor import CycleAt, Governor
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.steps.subjects import RunSubject


async def review_exposure(
    governor: Governor, at: CycleAt, observed: Observed, run: RunSubject | None
) -> tuple[str, ...]:
    """Look at the ladder, tell live symbols the cap that holds, and return what there is to say.

    Nobody is made live by it: a symbol that is not has no cap to be told. Where the stage in force
    allows no live trading, the ladder gives no cap; that a symbol is live all the same is for
    people to answer, and each note says so.
    """
    attempt = None if run is None else (run.run_id, run.attempt)
    seen = await governor.ladder.review(now_ns=at.now_ns, run=attempt)
    live = sorted(name for name, one in observed.symbols.items() if one.mode == "live")
    if seen.cap is not None:
        return (*seen.remarks, *await _offer(governor, list(_told(observed, live, seen.cap))))
    if live:
        return (*seen.remarks, f"exposure: live, and the stage allows none: {', '.join(live)}")
    return seen.remarks


async def hold_router(governor: Governor, observed: Observed) -> tuple[str, ...]:
    """Tell the loop to weigh statically where the stage in force lets no router serve.

    Nothing lets it serve again but people, by a control record or the next start. Where no stage
    was ever entered nobody leads a rollout, and what is declared holds.
    """
    routed = [one.block for one in observed.symbols.values() if one.routed]
    if not routed or await governor.ladder.lets_route():
        return ()
    held = RouterModeChanged(control_id=no_routing_id(max(routed)), mode="static")
    return ("exposure: the stage lets no router serve", *await _offer(governor, [held]))


async def hold_reasoning(governor: Governor, observed: Observed) -> tuple[str, ...]:
    """Lower the reasoning mode to what the stage in force allows, and return what there is to say.

    One record lowers all symbols: to the least that any of them has, where that is still less, for
    nobody's mode is raised by it. Nothing raises it again but people. A mode that nobody can see is
    not lowered blindly, for that might raise it; it is named.
    """
    seen, allowed = observed.advice, await governor.ladder.lets_reason()
    if allowed is None or allowed.allows("active" if seen is None else seen.mode):
        return ()
    said = f"stage {allowed.stage} allows a reasoning mode of {allowed.mode} at most"
    if seen is None:
        return (f"exposure: {said}, and nobody could see which is in force",)
    mode = seen.least if allowed.allows(seen.least) else allowed.mode
    lowered = ReasoningModeChanged(
        control_id=no_advising_id(seen.block, mode), mode=mode, reason=said
    )
    return (f"exposure: {said}, found {seen.mode}", *await _offer(governor, [lowered]))


async def _offer(governor: Governor, records: Sequence[ControlRecord]) -> tuple[str, ...]:
    """Offer records to the loop, and return what it has not taken."""
    answers = await governor.loop.offer(records) if records else ()
    return tuple(
        f"exposure: the loop has not taken {one.control_id}: {one.status}"
        for one in answers
        if one.status != "recorded"
    )


def _told(observed: Observed, live: list[str], cap: Decimal) -> Iterator[ModeChanged]:
    """Yield what live symbols are told that have another cap.

    One that has not decided since is told the same again, under the same id: once is enough.
    """
    for name in live:
        seen = observed.symbols[name]
        if seen.notional_cap != cap:
            yield ModeChanged(
                control_id=exposure_id(name, seen.block, f"{cap:f}"),
                symbol=name,
                mode="live",
                notional_cap=float(cap),
            )
