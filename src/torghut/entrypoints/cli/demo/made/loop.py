"""The live loop of the made world: ``torghut serve`` in a process of its own, fed over its API."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.artifacts.package import Package
from torghut.composition import machine, standby
from torghut.entrypoints.cli.demo.failing import DemoFailedError
from torghut.entrypoints.cli.demo.made.market import SYMBOL, Floats, quotes_of
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.observing.catalogue import REASONING_CONNECTED

_FEED: Final = "made"
_TOGETHER: Final = 200
"""Contexts sent in one request."""

_BUDGET_MS: Final = 30_000
_OK: Final = 200
_LOOK_S: Final = 0.1
_ASKED: Final = f"{REASONING_CONNECTED.name} 1.0"
_WORDS: Final = 3
"""Of a line in the file of tokens: role, name, token."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What the loop decided last.

    Attributes:
        position: Held on paper, in units.
        target: Wanted.
        price: The mid price it was decided at.
        reasons: Codes of what it was.
    """

    position: float
    target: float
    price: float
    reasons: tuple[str, ...]

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
            reasons=tuple(decision["reasons"]),
        )

    def await_asker(self) -> None:
        """Wait until the process that asks for advice can be asked; it loads for seconds.

        Raises:
            DemoFailedError: It cannot be in time.
            ServiceUnreachableError: The loop does not answer.
        """
        steady = standby.steady_clock()
        until_ns = steady.now_ns() + _BUDGET_MS * NS_PER_MS
        while _ASKED not in self._metrics():
            if steady.now_ns() > until_ns:
                raise DemoFailedError(step="advice", found="nobody who could be asked")
            time.sleep(_LOOK_S)

    def _metrics(self) -> Sequence[str]:
        """Return the lines of the loop's page of metrics."""
        headers = {"Authorization": f"Bearer {_token('read')}"}
        _, body = standby.fetch(f"{self.url}/metrics", headers, budget_ms=_BUDGET_MS)
        return body.decode(errors="replace").splitlines()

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
            "Authorization": f"Bearer {_token('report')}",
        }
        status, body = standby.post(
            f"{self.url}/v1/contexts", "\n".join(lines).encode(), headers, budget_ms=_BUDGET_MS
        )
        if status != _OK:
            raise DemoFailedError(step="live loop", found=body[:500].decode(errors="replace"))
        return body.decode().splitlines()


@contextmanager
def serving(log: Path, package: Package, *options: str, sequence: int = 0) -> Iterator[LiveLoop]:
    """Yield a live loop with ``package`` in force; it is asked to end at the end of the block.

    Args:
        log: Of the loop.
        package: It decides by.
        options: More of its command.
        sequence: Of the first context that it is offered.

    Raises:
        DemoFailedError: It did not begin.
    """
    with machine.child_command(
        (
            *("serve", "--log", str(log), "--listen", "127.0.0.1:0"),
            *("--package", f"{package.name}@{package.digest}", *options),
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


def _token(role: str) -> str:
    """Return the token of a role, out of the service's own file."""
    lines: Sequence[str] = standby.token_file().read_text(encoding="utf-8").splitlines()
    for line in lines:
        words = line.partition("#")[0].split()
        if len(words) == _WORDS and words[0] == role:
            return words[-1]
    raise DemoFailedError(step="live loop", found=f"no token of {role} in {standby.TOKENS}")
