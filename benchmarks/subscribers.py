"""Subscribers: what it costs `torghut serve` to tell a thousand who listen that it is there."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from typing_extensions import override

from benchmarks.figures import Goal, Line, Quantity, Result, spread
from benchmarks.rounds import ROOT, Effort, scratch_folder

_SUBSCRIBERS: Final = 1_000
_WATCHED_S: Final = 10.0
_QUICK_S: Final = 4.0
_SETTLING_S: Final = 2.0
_START_S: Final = 60
_NS: Final = 1e9
_PERCENT: Final = 100.0
_FILES: Final = 8_192
_TOKEN: Final = "b" * 43
_SAID: Final = re.compile(r"http://127\.0\.0\.1:([0-9]+)")

_HANDSHAKE: Final = (
    "GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    f"Authorization: Bearer {_TOKEN}\r\n\r\n"
).encode()

# What anybody would write first: every connection waits for the second and sends its own message.
_PLAIN: Final = """
import asyncio, socket, uvicorn, uvloop
BEAT = '{"type":"live.heartbeat.v1","worker":"worker-0","state":"live","reason":"","x":"%s"}' % (
    "x" * 160)
async def app(scope, receive, send):
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        await asyncio.sleep(1)
        await send({"type": "websocket.send", "text": BEAT})
bound = socket.socket()
bound.bind(("127.0.0.1", 0))
print("http://127.0.0.1:%d" % bound.getsockname()[1], flush=True)
config = uvicorn.Config(app, ws="websockets-sansio", loop="uvloop", lifespan="off",
    log_level="critical", ws_per_message_deflate=False, backlog=2048)
uvloop.run(uvicorn.Server(config).serve(sockets=[bound]))
"""


def measure_subscribers(effort: Effort) -> Iterator[Result]:
    """Measure the CPU that 1,000 idle subscribers cost `torghut serve`, beside a plain server's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, _FILES), hard), hard))
    watched_s = _QUICK_S if effort.quick else _WATCHED_S
    shares: dict[str, list[_Shares]] = {"ours": [], "plain": []}
    with scratch_folder() as folder:
        for turn in range(min(effort.rounds, 3)):
            for name, command in _commands(folder, turn).items():
                with _served(command, folder) as server:
                    shares[name].append(asyncio.run(_watch(server, watched_s)))
    ours = [one.cost for one in shares["ours"]]
    plain = [one.cost for one in shares["plain"]]
    yield Line(
        measurement=f"{_SUBSCRIBERS:,} idle subscribers, told every second",
        unit="% of one CPU",
        cpu=median(ours),
        baseline="uvicorn's own WebSockets, a send for each",
        cpu_ratio=median(a / b for a, b in zip(ours, plain, strict=True)),
        goals=(Goal(quantity=Quantity.CPU, most=2.0),),
        spread_ratio=spread(ours),
        note=f"without any it takes {median(one.alone for one in shares['ours']):.2f} %",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shares:
    """Shares of one CPU that a server took.

    Attributes:
        alone: Nobody listened.
        told: All subscribers did.
    """

    alone: float
    told: float

    @property
    def cost(self) -> float:
        """What the subscribers cost."""
        return self.told - self.alone


@dataclass(frozen=True, slots=True, kw_only=True)
class _Server:
    """A server that listens."""

    pid: int
    port: int


class _Subscriber(asyncio.Protocol):
    """Asks to be told, and counts what comes.

    Args:
        counts: Bytes that came, by subscriber.
        number: Of this one.
    """

    def __init__(self, counts: dict[int, int], number: int) -> None:
        self._counts = counts
        self._number = number

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            transport.write(_HANDSHAKE)

    @override
    def data_received(self, data: bytes) -> None:
        self._counts[self._number] = self._counts.get(self._number, 0) + len(data)


def _commands(folder: Path, turn: int) -> Mapping[str, list[str]]:
    """Return what starts each server."""
    tokens, log = folder / f"tokens-{turn}", folder / f"idle-{turn}.log"
    tokens.write_text(f"read bench {_TOKEN}\n", encoding="ascii")
    tokens.chmod(0o600)
    serve = "from torghut.entrypoints.cli import main; main()"
    options = ["--listen", "127.0.0.1:0", "--log", str(log), "--tokens", str(tokens)]
    return {
        "ours": [sys.executable, "-c", serve, "serve", "--worker", f"bench-{turn}", *options],
        "plain": [sys.executable, "-c", _PLAIN],
    }


@contextmanager
def _served(command: list[str], folder: Path) -> Iterator[_Server]:
    """Start a server whose pages and switches are in ``folder``, and end it afterwards."""
    child = subprocess.Popen(  # noqa: S603 - commands of this module
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "TORGHUT_ARTIFACT_DIR": str(folder)},
    )
    try:
        yield _Server(pid=child.pid, port=_port_of(child))
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait(timeout=_START_S)


def _port_of(child: subprocess.Popen[str]) -> int:
    """Return where a server says that it listens."""
    until = time.monotonic() + _START_S
    while child.stdout is not None and time.monotonic() < until:
        line = child.stdout.readline()
        if (said := _SAID.search(line)) is not None:
            return int(said[1])
        if not line:
            break
    message = "a server that was just started does not listen"
    raise RuntimeError(message)


async def _watch(server: _Server, watched_s: float) -> _Shares:
    """Return the shares of one CPU that a server takes, without and with subscribers."""
    await asyncio.sleep(_SETTLING_S)
    alone = await _share(server.pid, watched_s)
    counts: dict[int, int] = {}
    loop = asyncio.get_running_loop()
    opened = [
        await loop.create_connection(
            lambda number=number: _Subscriber(counts, number),  # type: ignore[misc]
            "127.0.0.1",
            server.port,
        )
        for number in range(_SUBSCRIBERS)
    ]
    await asyncio.sleep(_SETTLING_S)
    before = dict(counts)
    told = await _share(server.pid, watched_s)
    silent = [number for number in range(_SUBSCRIBERS) if counts[number] <= before[number]]
    for transport, _ in opened:
        transport.close()
    if silent:
        message = f"{len(silent)} of {_SUBSCRIBERS} subscribers were told nothing"
        raise RuntimeError(message)
    return _Shares(alone=alone, told=told)


async def _share(pid: int, watched_s: float) -> float:
    """Return the share of one CPU that a process takes, in percent."""
    begun_cpu, begun = _cpu_s(pid), time.monotonic()
    await asyncio.sleep(watched_s)
    return _PERCENT * (_cpu_s(pid) - begun_cpu) / (time.monotonic() - begun)


def _cpu_s(pid: int) -> float:
    """Return the time that all threads of a process have run so far."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / _NS
