"""The live loop of the made world: ``torghut serve`` in a process of its own, fed over its API."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from torghut.artifacts.package import Package
from torghut.composition import machine, standby
from torghut.entrypoints.cli.demo.failing import DemoFailedError
from torghut.entrypoints.cli.demo.made.market import SYMBOL, Floats, quotes_of
from torghut.entrypoints.cli.demo.made.world import MadeWorld

_FEED: Final = "made"
_TOGETHER: Final = 200
"""Contexts sent in one request."""

_BUDGET_MS: Final = 30_000
_OK: Final = 200
_WORDS: Final = 3
"""Of a line in the file of tokens: role, name, token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What the loop decided last.

    Attributes:
        position: Held on paper, in units.
        target: Wanted.
        price: The mid price it was decided at.
    """

    position: float
    target: float
    price: float

    @property
    def held(self) -> float:
        """Notional that is held and is to be held on, in the quote currency."""
        return min(abs(self.position), abs(self.target)) * self.price


@dataclass(slots=True, kw_only=True)
class LiveLoop:
    """A live loop that is fed.

    Attributes:
        url: Where it listens.
        sequence: Of the next context.
    """

    url: str
    sequence: int

    def feed(self, prices: Floats) -> Decided:
        """Offer prices as contexts, each answered once its decision is durable; return the last.

        Raises:
            DemoFailedError: One was not decided.
            ServiceUnreachableError: The loop does not answer.
        """
        outcomes: list[str] = []
        for begin in range(0, len(prices), _TOGETHER):
            outcomes = self._post(prices[begin : begin + _TOGETHER])
        last = json.loads(outcomes[-1])
        if "decision" not in last:
            raise DemoFailedError(step="live loop", found=outcomes[-1][:500])
        decision = last["decision"]
        return Decided(
            position=decision["position"],
            target=decision["target_position"] or 0.0,
            price=decision["reference_price"],
        )

    def _post(self, prices: Floats) -> list[str]:
        """Offer prices together and return the answers."""
        bids, asks = quotes_of(prices)
        lines = []
        for bid, ask in zip(bids.tolist(), asks.tolist(), strict=True):
            context = {
                "type": "live.context-offered.v1",
                "feed": _FEED,
                "symbol": SYMBOL,
                "sequence": str(self.sequence),
                "bid": bid,
                "ask": ask,
            }
            lines.append(json.dumps(context))
            self.sequence += 1
        headers = {
            "Content-Type": "application/x-ndjson",
            "Authorization": f"Bearer {_reporting_token()}",
        }
        status, body = standby.post(
            f"{self.url}/v1/contexts", "\n".join(lines).encode(), headers, budget_ms=_BUDGET_MS
        )
        if status != _OK:
            raise DemoFailedError(step="live loop", found=body[:500].decode(errors="replace"))
        return body.decode().splitlines()


@contextmanager
def serving(world: MadeWorld, package: Package, *, sequence: int) -> Iterator[LiveLoop]:
    """Yield the live loop with ``package`` in force; it is asked to end at the end of the block.

    Args:
        world: It serves in.
        package: It decides by.
        sequence: Of the first context that it is offered.

    Raises:
        DemoFailedError: It did not begin.
    """
    with machine.child_command(
        (
            *("serve", "--log", str(world.live), "--listen", "127.0.0.1:0"),
            *("--package", f"{package.name}@{package.digest}"),
        )
    ) as child:
        yield LiveLoop(url=_address(child), sequence=sequence)
        child.end()


def _address(child: machine.Child) -> str:
    """Wait until a service serves, and return where it listens."""
    found = ""
    while line := child.next_line():
        word, _, rest = line.partition(" ")
        if word == "api":
            found = rest.strip()
        if word == "try":
            return found
    _, complaint = child.result()
    raise DemoFailedError(step="live loop", found=complaint.strip()[-500:])


def _reporting_token() -> str:
    """Return the token by which contexts may be offered, out of the service's own file."""
    lines: Sequence[str] = standby.token_file().read_text(encoding="utf-8").splitlines()
    for line in lines:
        words = line.partition("#")[0].split()
        if len(words) == _WORDS and words[0] == "report":
            return words[-1]
    raise DemoFailedError(step="live loop", found=f"no token that reports in {standby.TOKENS}")
