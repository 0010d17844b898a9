"""A service that asks a stand-in for advice, each of them a process of its own."""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.decisions.declared import ROOT
from tests.support.live.live_services import LiveService, live_service
from tests.support.machine.commands import Running, started
from torghut.client import Context, Delivery, SyncClient

SYMBOL: Final = "binance-spot:ETHUSDT"
MODEL: Final = "torghut-specialist-v1"
_FOLDERS: Final = ("streams", "governance", "router")
WARM: Final = 70
_FOUND_S: Final = 45
"""Longest wait for a decision of some kind; a loaded machine starts a process in ten seconds."""
_STEP_NS: Final = 1_000_000_000
_PRICE: Final = 2000.0


def eager_declarations(folder: Path) -> Path:
    """Return declarations under which the crypto symbol soon wants a position, and always asks."""
    for name in _FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    router = folder / "router" / "policy.yaml"
    _change(
        router, "  bias: -2.0\n  score: 0.0\n  cost: 1.0", "  bias: 2.0\n  score: 0.0\n  cost: 0.0"
    )
    policy = folder / "governance" / "policies" / "reasoning.yaml"
    _change(policy, "confidence_min: 0.55", "confidence_min: 0.0")
    return folder


def declare_many(folder: Path, symbols: Sequence[str], *, budget_ms: int) -> None:
    """Let declarations have more such symbols, which may all ask at once and as often as they like.

    What questions cost does not matter there, nor how many of them fail.
    """
    instruments = folder / "streams" / "instruments"
    text = (instruments / "binance-spot-ETHUSDT.yaml").read_text(encoding="utf-8")
    for number, symbol in enumerate(symbols):
        body = text.replace(f"symbol: {SYMBOL}", f"symbol: {symbol}")
        (instruments / f"many-{number:02}.yaml").write_text(body, encoding="utf-8")
    policies = folder / "governance" / "policies"
    _change(policies / "gates.yaml", "max_symbols: 10", f"max_symbols: {10 + len(symbols)}")
    for old, new in (
        ("budget_ms: 2000", f"budget_ms: {budget_ms}"),
        ("notional_ratio: 0.95", "notional_ratio: 0.0"),
        ("calls_per_hour: 600", "calls_per_hour: 100000"),
        ("tokens_per_hour: 4000000", "tokens_per_hour: 1000000000"),
        ("failures: 5", "failures: 1000"),
    ):
        _change(policies / "reasoning.yaml", old, new)


def _change(path: Path, old: str, new: str) -> None:
    """Change what a declaration says."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} does not say {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@dataclass(slots=True, kw_only=True)
class RisingQuotes:
    """Quotes of a symbol whose price rises, a second from one to the next.

    Attributes:
        begun_ns: Receive time of the first context; None: each is received when it comes.
        symbol: Of all of them.
    """

    begun_ns: int | None
    symbol: str = SYMBOL
    _sequence: int = 0

    def next(self) -> Context:
        """Return the next quote."""
        self._sequence += 1
        price = _PRICE * (1.0 + 2e-5 * self._sequence)
        begun_ns = self.begun_ns
        at_ns = None if begun_ns is None else begun_ns + self._sequence * _STEP_NS
        return Context(
            feed="test",
            symbol=self.symbol,
            sequence=self._sequence,
            bid=price,
            ask=price * 1.00001,
            event_ns=at_ns,
            receive_ns=at_ns,
        )


def a_while_ago_ns() -> int:
    """Return when quotes have to begin so that so many of them are none from the future."""
    return time.time_ns() - 1000 * _STEP_NS


@dataclass(slots=True, kw_only=True)
class Advised:
    """A service with its stand-in.

    Attributes:
        service: Of the loop.
        quotes: That it decides.
    """

    service: LiveService
    quotes: RisingQuotes

    def decide(self, client: SyncClient, *, budget_ms: int = 8000) -> Delivery:
        """Return what becomes of the next quote."""
        return client.decide(self.quotes.next(), budget_ms=budget_ms)

    def warm(self, client: SyncClient) -> None:
        """Let the symbol have enough samples to want a position."""
        for _ in range(WARM):
            self.decide(client)

    def reasons_until(self, client: SyncClient, *wanted: str) -> Sequence[str]:
        """Return the reasons of the first decision that carries one of ``wanted``.

        The process that asks needs a while until it listens.
        """
        seen: list[Sequence[str]] = []
        until = time.monotonic() + _FOUND_S
        while time.monotonic() < until:
            seen.append(reasons(self.decide(client)))
            if set(wanted) & set(seen[-1]):
                return seen[-1]
            time.sleep(0.05)
        message = f"no decision was {wanted}: {seen[-3:]}; {self.service.said()[-2000:]}"
        raise AssertionError(message)

    def asking_pid(self) -> int:
        """Return the process that asks, as the service last said."""
        lines = [line for line in self.service.said().splitlines() if '"reasoning.started"' in line]
        return int(lines[-1].partition('"pid":')[2].split(",")[0])

    def exported(self, what: str) -> Sequence[Mapping[str, object]]:
        """Return what the log holds."""
        log = str(self.service.log)
        text = self.service.typed("log", "export", "--log", log, "--what", what).out
        return [json.loads(line) for line in text.splitlines()]


def reasons(delivery: Delivery) -> Sequence[str]:
    """Return the reasons of a decision."""
    found: Sequence[str] = json.loads(delivery.line)["decision"]["reasons"]
    return found


@contextlib.contextmanager
def stand_in(folder: Path, script: str = "good", *options: str) -> Iterator[tuple[str, Running]]:
    """Give the address of an endpoint that answers as the script says, and its process."""
    words = ("endpoint", "fake", "--port", "0", "--script", script, *options)
    with started(folder, *words) as process:
        assert process.stdout is not None
        while not (line := process.stdout.readline()).startswith("endpoint"):
            assert line, "it does not listen"
        yield line.split()[1], process
        process.terminate()
        process.wait(10)


def told_of(declared: Path, url: str) -> Mapping[str, str]:
    """Return the environment variables that name declarations, and an endpoint."""
    return {
        "TORGHUT_DECLARATIONS_DIR": str(declared),
        "TORGHUT_REASONING_ENDPOINT": url,
        "TORGHUT_REASONING_MODEL": MODEL,
    }


@contextlib.contextmanager
def advised(folder: Path, url: str, *options: str) -> Iterator[Advised]:
    """Give a service that asks at ``url``; it is not started yet."""
    declared = eager_declarations(folder / "declared")
    with live_service(folder) as service:
        service.options = ("--source", "api:", "--mode", "paper", "--advise", *options)
        service.variables = told_of(declared, url)
        yield Advised(service=service, quotes=RisingQuotes(begun_ns=a_while_ago_ns()))


@contextlib.contextmanager
def advised_actively(folder: Path, script: str = "good") -> Iterator[tuple[Advised, SyncClient]]:
    """Give a service that runs and heeds a stand-in, soon to ask about each quote; and a client."""
    with (
        stand_in(folder, script) as (url, _),
        advised(folder, url, "--reasoning-mode", "active") as made,
    ):
        made.service.start()
        client = made.service.client()
        made.warm(client)
        yield made, client
