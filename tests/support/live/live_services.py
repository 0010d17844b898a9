"""The real live service in a process of its own, with callers in this one."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.decisions.kernels import compiled
from tests.support.live.threads import beside
from tests.support.machine.commands import PROGRAM, Ended, environment, run_apart
from torghut.adapters.filesystem.switches.beats import BeatFile
from torghut.adapters.filesystem.worker_pages import read_pages
from torghut.client import Context, Delivery, SyncClient, connect_sync
from torghut.composition.standby import BEAT
from torghut.schemas.live.governance import GovernanceBeat
from torghut.schemas.live.worker import WorkerStatus
from torghut.schemas.observing.catalogue import REASONING_CONNECTED, REASONING_STARTS

_READY_S = 60.0
_PAGE = b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer "
_STREAM = (
    b"GET /v1/stream?after=start HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n"
    b"connection: upgrade\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    b"sec-websocket-version: 13\r\nauthorization: Bearer "
)
SYMBOL = "fxcm:EURUSD"
OTHER = "fxcm:NZDUSD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A decision, and when it was handed over."""

    wall_ns: int
    symbol: str
    delivery: Delivery


@dataclass(slots=True, kw_only=True)
class LiveService:
    """One service in a folder; it may be ended in any way and started again.

    Attributes:
        folder: Holds its artifacts and its socket.
        log: Where its log is.
        options: Of ``torghut serve``, besides log and addresses.
        variables: Environment variables, besides those of every test.
    """

    folder: Path
    log: Path
    options: Sequence[str] = ("--source", "api:")
    variables: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    _sequence: int = 0
    _clients: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def socket(self) -> Path:
        """Where its API listens."""
        return self.folder / "api.sock"

    def start(self) -> None:
        """Start it, and wait until it serves."""
        compiled()
        words = ("serve", *self.options, "--log", str(self.log), "--listen", "127.0.0.1:0")
        with (self.folder / "service.out").open("ab") as out:
            self.process = subprocess.Popen(
                [*PROGRAM, *words, "--listen-unix", str(self.socket)],
                env={**environment(self.folder), **self.variables},
                stdout=out,
                stderr=out,
            )
        until = time.monotonic() + _READY_S
        while time.monotonic() < until:
            status = self.status()
            if status and status.pid == self.process.pid and status.phase == "serving":
                if status.api:
                    return
            elif self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(self.said())

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send it a signal that ends it; return its status."""
        self.send(number)
        assert self.process is not None
        return self.process.wait(timeout=30)

    def status(self) -> WorkerStatus | None:
        """Return what its page says."""
        pages = read_pages(self.folder / "var" / "workers")
        return pages[0].status if pages else None

    def figure(self, name: str) -> float:
        """Return a figure without labels, as its metrics page says it."""
        with socket.socket(socket.AF_UNIX) as page:
            page.connect(str(self.socket))
            page.sendall(_PAGE + self.token("read").encode() + b"\r\n\r\n")
            text = b"".join(iter(lambda: page.recv(65_536), b"")).decode()
        lines = (line.split() for line in text.splitlines())
        return float(next(words[1] for words in lines if words[:1] == [name]))

    def await_asker(self, *, starts: int = 1) -> None:
        """Wait until the process that asks can be asked, which was started so often."""
        until = time.monotonic() + _READY_S
        while time.monotonic() < until:
            begun = self.figure(REASONING_STARTS.name) >= starts
            if begun and self.figure(REASONING_CONNECTED.name):
                return
            time.sleep(0.05)
        raise AssertionError(self.said()[-3000:])

    def typed(self, *arguments: str) -> Ended:
        """Return how a command ends, in a process of its own."""
        return run_apart(self.folder, *arguments)

    def said(self) -> str:
        """Return what it printed, whenever it was started."""
        return (self.folder / "service.out").read_text(encoding="utf-8", errors="replace")

    def token(self, role: str) -> str:
        """Return the token of a role."""
        lines = (self.folder / "var" / "api-tokens").read_text(encoding="utf-8").splitlines()
        return next(line.split()[2] for line in lines if line.startswith(f"{role} "))

    def client(self, role: str = "report") -> SyncClient:
        """Return a client, closed at the end."""
        url = f"unix://{self.socket}"
        return self._clients.enter_context(connect_sync(url, token=self.token(role)))

    def decide(
        self, client: SyncClient, *, budget_ms: int = 5000, symbol: str = SYMBOL
    ) -> Delivery:
        """Offer the next quote and return what became of it."""
        self._sequence += 1
        price = 1.3 + 1e-5 * (self._sequence % 7)
        quote = Context(
            feed="test", symbol=symbol, sequence=self._sequence, bid=price, ask=price + 1e-5
        )
        return client.decide(quote, budget_ms=budget_ms)

    @contextlib.contextmanager
    def deciding(self, *symbols: str) -> Iterator[list[Seen]]:
        """Offer quotes of ``symbols`` in turn, in a thread, and give what becomes of them."""
        client, seen, ended = self.client(), list[Seen](), threading.Event()

        def offer() -> None:
            while not ended.wait(0.02):
                for symbol in symbols:
                    delivery = self.decide(client, symbol=symbol, budget_ms=20_000)
                    seen.append(Seen(wall_ns=time.time_ns(), symbol=symbol, delivery=delivery))

        thread = threading.Thread(target=offer, daemon=True)
        thread.start()
        try:
            yield seen
        finally:
            ended.set()
            thread.join()

    def thrown_wall_ns(self, name: str) -> int:
        """Return when a switch was thrown, by its file."""
        body = (self.folder / "var" / "switches" / f"{name}.json").read_bytes()
        return int(json.loads(body)["thrown_wall_ns"])

    def recorded(self) -> Sequence[str]:
        """Return the id of every control record in the log, once for each time it was taken."""
        text = self.typed("log", "export", "--log", str(self.log), "--what", "controls").out
        return [json.loads(line)["control_id"] for line in text.splitlines()]

    @contextlib.contextmanager
    def hung_consumer(self) -> Iterator[None]:
        """Let somebody ask for every decision and read none."""
        with socket.socket(socket.AF_UNIX) as hung:
            hung.connect(str(self.socket))
            hung.sendall(_STREAM + self.token("read").encode() + b"\r\n\r\n")
            yield

    def close(self) -> None:
        """End everything that is left."""
        with contextlib.suppress(Exception):
            self._clients.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def live_service(folder: Path, log: Path | None = None) -> Iterator[LiveService]:
    """Give a service that is not started yet."""
    service = LiveService(folder=folder, log=log or folder / "live.log")
    try:
        yield service
    finally:
        service.close()


@contextlib.contextmanager
def governed(folder: Path) -> Iterator[None]:
    """Let governance say all the while that it is there, so that live decisions may open."""
    file, ended = BeatFile(folder / "var" / BEAT), threading.Event()

    def beat() -> None:
        number = 0
        while not ended.wait(0.2):
            number += 1
            file.beat(GovernanceBeat(epoch=1, number=number, ttl_ms=30_000))

    with beside(beat, ended):
        yield


@contextlib.contextmanager
def locked(log: Path) -> Iterator[None]:
    """Keep a log locked against writing."""
    holder = sqlite3.connect(log, isolation_level=None)
    try:
        holder.execute("BEGIN IMMEDIATE")
        yield
        holder.execute("ROLLBACK")
    finally:
        holder.close()
