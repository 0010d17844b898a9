"""A live service on a Unix socket that decides nothing and misbehaves when it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, MutableSequence, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from torghut.adapters.system.clock import SystemClock
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.decision import GATE_IDS
from torghut.schemas.live.naming import offered_context_id
from torghut.schemas.live.position import START, Position, parse_position

Lines = Sequence[str]
Mangle = Callable[[Lines, int], Lines]
"""What becomes of the outcomes that one connection, numbered from 0, would be sent."""

SYMBOL: Final = "fxcm:EURUSD"
FEED: Final = "desk-1"
START_NS: Final = 1_399_291_200_000_000_000

CLOSE: Final = "\0close"
ABORT: Final = "\0abort"
HANG: Final = "\0hang"
"""In the place of a line: end the connection, tear it, say nothing more over it."""

_LINEAGE: Final[Mapping[str, Any]] = {
    "arm": "serving",
    "kernel_version": 2,
    "declarations": "a" * 64,
    "package": "",
    "control": "",
}


def decision(number: int, *, symbol: str = SYMBOL, sequence: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - as JSON
    """Return a decision as JSON, the ``number``-th of its feed."""
    context_id = offered_context_id(FEED, symbol, "quote", number)
    receive_ns = START_NS + number * 1_000_000_000
    target = fields.get("target_position", 1000.0)
    gate = {"status": "not-applicable", "value": None, "comparator": "<=", "threshold": 0.0}
    fresh = {"status": "fresh", "age_ns": "0", "limit_ns": "1000000000"}
    expert = {"trend": 0.25, "reversal": 0.25, "breakout": None, "defensive": 0.25}
    position = fields.get("position", 0.0)
    return {
        "type": "decisions.decided.v1",
        "decision_id": f"{context_id}/serving",
        "context_id": context_id,
        "symbol": symbol,
        "stream": "quote",
        "source_sequence": str(number),
        "sequence": sequence,
        "event_ns": str(receive_ns),
        "receive_ns": str(receive_ns),
        "decided_ns": str(receive_ns),
        "valid_until_ns": str(receive_ns + 10_000_000_000),
        "intent": "abstain" if target is None else "buy",
        "path": "fast",
        "mode": "paper",
        "target_position": target,
        "delta": None if target is None else target - position,
        "unit": "EUR",
        "currency": "USD",
        "reference_price": 1.1,
        "bid": 1.09999,
        "ask": 1.10001,
        "position": position,
        "position_basis": "paper",
        "position_age_ns": None,
        "confidence": 0.0 if target is None else 0.6,
        "notional_cap": 1e6,
        "allotment": 1e6,
        "paper_equity": 0.0,
        "reasons": [],
        "triggers": [],
        "regime": None,
        "posterior": {"calm": 1, "elevated": None},
        "entropy": None,
        "transition_probability": None,
        "expert_scores": expert,
        "router_weights": expert,
        "lead_expert": "trend",
        "blended_score": 0.0,
        "disagreement": 0.0,
        "gates": [{"id": name, **gate, "unit": "flag"} for name in GATE_IDS],
        "freshness": {"market": fresh, "news": fresh, "fundamentals": fresh},
        "lineage": {**_LINEAGE, "digest": sha256_hex(canonical_bytes(_LINEAGE))},
        **fields,
    }


def decided(
    at: str, made: Mapping[str, Any], *, age_ns: int | None = 0, speed: float | None = 1.0
) -> str:
    """Return the line of a decision; ``age_ns`` ago its context came in, None: nobody knows."""
    ingress = None if age_ns is None else str(SystemClock().now_ns() - age_ns)
    return json.dumps(
        {
            "type": "live.decided.v1",
            "position": at,
            "ingress_wall_ns": ingress,
            "speed": speed,
            "decision": made,
        }
    )


def refused(at: str, number: int, *, symbol: str = SYMBOL) -> str:
    """Return the line of a refusal."""
    time_ns = str(START_NS + number * 1_000_000_000)
    return json.dumps(
        {
            "type": "live.refused.v1",
            "position": at,
            "ingress_wall_ns": str(SystemClock().now_ns()),
            "speed": 1.0,
            "refusal": {
                "type": "market.context-refused.v1",
                "context_id": offered_context_id(FEED, symbol, "quote", number),
                "symbol": symbol,
                "stream": "quote",
                "source_sequence": str(number),
                "event_ns": time_ns,
                "receive_ns": time_ns,
                "code": "market.crossed-book",
            },
        }
    )


def position_of(line: str) -> Position:
    """Return where a line stands."""
    return parse_position(json.loads(line)["position"])


def unmangled(lines: Lines, connection: int) -> Lines:
    """Leave everything as it is."""
    del connection
    return lines


class _Place:
    """How far one listener was told lines: as the real one, by where they stand.

    Args:
        lines: In order; more may come.
        after: Where it begins; None: behind what is there now.
    """

    def __init__(self, lines: MutableSequence[str], after: Position | None) -> None:
        self._lines = lines
        self._looked = 0
        self._at = after or (position_of(lines[-1]) if lines else START)

    def beyond(self) -> Lines:
        """Return the lines that stand behind the place, and go there."""
        came = self._lines[self._looked :]
        self._looked += len(came)
        told = [line for line in came if position_of(line) > self._at]
        self._at = position_of(told[-1]) if told else self._at
        return told


@dataclass(slots=True)
class FakeLiveService:
    """What it says and takes; everything may be changed while it runs.

    Attributes:
        socket: Path that it listens on.
        lines: Outcomes, in order.
        mangle: What becomes of them on their way.
        beat_s: Between two heartbeats.
        beating: Whether there are any.
        answering: Whether it takes notice of what is sent to it.
        state: As heartbeats say.
        reason: As heartbeats say.
        head: Newest position as heartbeats say; None: that of the last line.
        faults: Sent instead of an answer, by context id or control id, each once.
        wall_ns: Its clock.
        token: That lets in; empty: nobody is asked.
        refusing: HTTP status by which nobody is let in; 0: it refuses nobody.
        connections: So many were made.
        queries: What each of them asked.
        offered: Every line that came.
        contexts: Decided so far, by context id.
        records: Control records taken so far, by id.
        listeners: Connections that are open.
        control_lines: What became of control records, in order.
    """

    socket: Path
    lines: MutableSequence[str] = field(default_factory=list)
    mangle: Mangle = unmangled
    beat_s: float = 0.02
    beating: bool = True
    answering: bool = True
    state: str = "live"
    reason: str = ""
    head: str | None = None
    faults: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    wall_ns: Callable[[], int] = SystemClock().now_ns
    token: str = ""
    refusing: int = 0
    connections: int = 0
    queries: list[str] = field(default_factory=list)
    offered: list[dict[str, Any]] = field(default_factory=list)
    contexts: dict[str, str] = field(default_factory=dict)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    control_lines: list[str] = field(default_factory=list)
    listeners: set[ServerConnection] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Return its address."""
        return f"unix://{self.socket}"

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """Serve until the end of the block."""
        self.socket.unlink(missing_ok=True)
        async with unix_serve(
            self._serve, str(self.socket), process_request=self._let_in, compression=None
        ):
            yield self

    def tear(self) -> None:
        """Tear every connection."""
        for connection in list(self.listeners):
            connection.transport.abort()

    def tell(self, count: int, *, symbols: int = 1, **fields: Any) -> None:  # noqa: ANN401 - as JSON
        """Add outcomes, in turn of several symbols."""
        for _ in range(count):
            number = len(self.lines)
            symbol = f"fxcm:S{number % symbols}" if symbols > 1 else SYMBOL
            made = decision(number, symbol=symbol, sequence=number // symbols + 1, **fields)
            self.lines.append(decided(f"0:{number}:0", made))

    def heartbeat(self) -> str:
        """Return a heartbeat of now."""
        last = json.loads(self.lines[-1])["position"] if self.lines else None
        return json.dumps(
            {
                "type": "live.heartbeat.v1",
                "worker": "fake",
                "wall_ns": str(self.wall_ns()),
                "position": self.head or last,
                "control_records": sum('"taken"' in line for line in self.control_lines),
                "state": self.state,
                "reason": self.reason,
                "switches": [],
                "degraded": [],
                "speed": 1.0,
            }
        )

    def _let_in(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse who does not show the token, or everybody."""
        if self.refusing:
            return connection.respond(self.refusing, "no\n")
        shown = request.headers.get("Authorization", "")
        if self.token and shown != f"Bearer {self.token}":
            return connection.respond(401, "no\n")
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        """Serve one subscriber."""
        assert connection.request is not None
        question = urlsplit(connection.request.path).query
        self.queries.append(question)
        number, self.connections = self.connections, self.connections + 1
        self.listeners.add(connection)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._beat(connection))
                tasks.create_task(self._tell(connection, parse_qs(question), number))
                async for message in connection:
                    for line in str(message).split("\n"):
                        await self._take(connection, json.loads(line))
                raise ConnectionResetError
        except* (ConnectionClosed, OSError):
            pass
        finally:
            self.listeners.discard(connection)

    async def _beat(self, connection: ServerConnection) -> None:
        """Send heartbeats, the first one at once."""
        while True:
            if self.beating:
                await connection.send(self.heartbeat())
            await asyncio.sleep(self.beat_s)

    async def _tell(
        self, connection: ServerConnection, asked: Mapping[str, Sequence[str]], number: int
    ) -> None:
        """Send outcomes from a place on, and those that come."""
        after = None if asked["after"] == ["now"] else parse_position(asked["after"][0])
        outcomes = _Place(self.lines, after)
        controls = _Place(self.control_lines, after and replace(after, place=after.place - 1))
        while True:
            told = self.mangle(outcomes.beyond(), number)
            for line in [*told, *(controls.beyond() if "controls" in asked else ())]:
                await self._send(connection, line)
            await asyncio.sleep(0.002)

    async def _send(self, connection: ServerConnection, line: str) -> None:
        """Send a line, or do what stands in its place."""
        if line == CLOSE:
            await connection.close()
        elif line == ABORT:
            connection.transport.abort()
        elif line == HANG:
            await asyncio.Event().wait()
        await connection.send(line)

    async def _take(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        """Take in what was sent, once."""
        self.offered.append(message)
        if not self.answering:
            return
        record = message.get("record")
        name = self._name_of(message)
        if waiting := self.faults.get(name):
            kind = "control_id" if record else "context_id"
            fault = {"type": "live.fault.v1", "detail": "as told", **waiting.pop(0), kind: name}
            await connection.send(json.dumps(fault))
        elif record:
            status = "repeated" if name in self.records else "taken"
            self.records.setdefault(name, record)
            answer = {"type": "live.answered.v1", "control_id": name, "status": status}
            await connection.send(
                json.dumps({**answer, "code": "", "detail": "", "position": "0:0:0"})
            )
        elif name in self.contexts:
            await connection.send(self.contexts[name])
        else:
            number = int(message["sequence"])
            made = decision(number, sequence=len(self.lines) + 1)
            self.contexts[name] = decided(f"0:{len(self.lines)}:0", made)
            self.lines.append(self.contexts[name])

    def _name_of(self, message: Mapping[str, Any]) -> str:
        """Return the id of what was sent."""
        if "record" in message:
            return str(message["record"]["control_id"])
        stream, number = message.get("stream", "quote"), int(message["sequence"])
        return offered_context_id(message["feed"], message["symbol"], stream, number)
