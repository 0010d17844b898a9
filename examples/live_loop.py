"""A paper-trading loop: trade what was decided at a simulated venue, and report what came of it."""

import argparse
import asyncio

from torghut.client import Bookmark, Client, Decision, TorghutError, connect
from torghut.client.venue import Habits, SimulatedVenue


async def guard(client: Client, venue: SimulatedVenue) -> None:
    """Cancel what would open a position as soon as none may be opened."""
    async for state in client.states():
        cancelled = 0 if state.name == "live" else venue.cancel_entries()
        print(f"state {state.name} cancelled {cancelled} {state.reason}", flush=True)


def trade(client: Client, venue: SimulatedVenue, decision: Decision) -> None:
    """Order what is missing to the target; to abstain has none, and leaves no entry resting."""
    symbol, target = decision.symbol, decision.target_position
    if target is None:
        venue.cancel_entries(symbol)
    elif client.state.name == "live" or not venue.opens(symbol, target):
        quantity = target - venue.position(symbol) - venue.working(symbol)
        if quantity and venue.send(decision.decision_id, symbol, quantity, decision.receive_ns):
            print(f"order {symbol} {quantity:+g} to {target:+g}", flush=True)


async def report(client: Client, venue: SimulatedVenue) -> None:
    """Tell the service what the venue reports; what it does not answer is told again."""
    try:
        for due in venue.unreported:
            answer = await client.report(due.record)
            venue.mark_reported(due)
            print(f"report {answer.control_id} {answer.status}", flush=True)
    except TorghutError as error:
        print(f"report {error.code}", flush=True)


async def main() -> None:
    """Follow the decisions of TORGHUT_URL until killed; started again, go on where it was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="where the venue's journal and the bookmark are")
    parser.add_argument("--after", default="now", help="where to begin at first")
    asked = parser.parse_args()
    bookmark = Bookmark(f"{asked.folder}/bookmark")
    habits = Habits(latency_ns=50_000_000, reject_ratio=0.05, partial_ratio=0.3)
    with SimulatedVenue(journal=f"{asked.folder}/venue.jsonl", habits=habits) as venue:
        connecting = connect(after=asked.after, bookmark=bookmark)
        async with connecting as client, asyncio.TaskGroup() as tasks:
            tasks.create_task(guard(client, venue))
            async for delivery in client.decisions():
                if one := delivery.decision:
                    venue.advance(one.receive_ns, one.symbol, one.bid, one.ask)
                    if delivery.actionable:
                        trade(client, venue, one)
                    await report(client, venue)
                bookmark.keep(delivery.position)


asyncio.run(main())
