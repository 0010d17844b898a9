"""Advice beside a loop: what it costs the decisions that ask for none, and whether it stays flat.

Sixty-four symbols get a context each in turn, at a steady pace. All move, want a position and ask;
the stand-in takes two seconds over each of the four steps and vetoes, so that each asks again at
once: sixty-four questions are under way nearly all the time, and about one context in ten waits for
one. The others of its symbol are decided fast meanwhile. The same course is decided by a service
with advice off, in turn with it. The stand-in takes the place of another machine: like the process
that asks it keeps off the first core.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.figures import Goal, Line, Quantity, Result, percentile, spread
from benchmarks.rounds import ROOT, Effort, scratch_folder
from torghut.client import Client, Context, connect
from torghut.kernel.units import NS_PER_S

_SYMBOLS: Final = 64
_CONTEXTS: Final = 10_000
_QUICK: Final = 2_000
_PACE: Final = 72.0
"""Contexts a second: nine of a symbol while one of its questions is answered."""

_STEPS: Final = 4
_STEP_MS: Final = 2_000
_MOVING_AT: Final = 7
"""Symbols that begin to move with each turn, so that they do not all ask at the same time."""

_WARM: Final = 80
_KEPT: Final = 1_024
"""Outcomes that the service keeps: up to as many as it ships with its memory grows, flat or not."""

_ROUNDS: Final = 5
_ALL: Final = sorted(os.sched_getaffinity(0))
_APART: Final = _ALL[1:] or _ALL
"""Cores of the stand-in: those of the process that asks."""

_START_S: Final = 60.0
_BUDGET_MS: Final = 20_000
_TOKEN: Final = "a" * 43
_SAYS: Final = re.compile(r"^endpoint\s+(\S+)", re.MULTILINE)
_AT_ONCE: Final = re.compile(r"^at most ([0-9,]+) at once", re.MULTILINE)
_MS: Final = 1e3
_MB: Final = 1024.0
_FAST_GOALS: Final = (Goal(quantity=Quantity.WALL_RATIO, most=1.25),)
_BUSY_GOALS: Final = (Goal(quantity=Quantity.WALL, most=60.0),)
_ADVISED_GOALS: Final = (Goal(quantity=Quantity.WALL, least=9.5),)
_ASKED_GOALS: Final = (Goal(quantity=Quantity.WALL, least=float(_SYMBOLS)),)
_GROWTH_GOALS: Final = (Goal(quantity=Quantity.WALL, most=5.0),)


def measure_advising(effort: Effort) -> Iterator[Result]:
    """Measure what advice costs the decisions that ask for none, beside the same with it off."""
    count = _QUICK if effort.quick else _CONTEXTS
    rounds = 1 if effort.quick else min(effort.rounds, _ROUNDS)
    with scratch_folder() as folder:
        declared = _declared(folder)
        courses: dict[str, list[_Course]] = {"off": [], "active": []}
        for turn in range(rounds):
            for mode in ("off", "active") if turn % 2 else ("active", "off"):
                place = folder / f"{mode}-{turn}"
                place.mkdir()
                courses[mode].append(_run(place, declared, mode, count))
    off, active = courses["off"], courses["active"]
    advised = median(one.slow / one.count for one in active)
    yield Line(
        measurement=f"fast decisions at {_PACE:.0f}/s, {_SYMBOLS} symbols, p99",
        unit="ms",
        wall=median(one.p99_ms for one in active),
        baseline="the same course with advice off",
        wall_ratio=median(a.p99_ms / b.p99_ms for a, b in zip(active, off, strict=True)),
        goals=_FAST_GOALS,
        spread_ratio=spread([one.p99_ms for one in active]),
        note=(
            f"{count:,} contexts; {median(one.p50_ms for one in active):.2f} ms at the median "
            f"against {median(one.p50_ms for one in off):.2f} ms"
        ),
    )
    yield Line(
        measurement="share of contexts decided by advice",
        unit="%",
        wall=100 * advised,
        goals=_ADVISED_GOALS,
        note=f"{advised * _PACE * _STEPS * _STEP_MS / 1e3:.0f} questions under way on average",
    )
    yield Line(
        measurement="questions under way at the stand-in, the most at once",
        unit="questions",
        wall=min(one.at_once for one in active),
        goals=_ASKED_GOALS,
    )
    yield Line(
        measurement="share of both cores that everything took",
        unit="%",
        wall=median(one.busy for one in active),
        baseline="the same course with advice off",
        wall_ratio=median(a.busy / b.busy for a, b in zip(active, off, strict=True)),
        goals=_BUSY_GOALS,
        spread_ratio=spread([one.busy for one in active]),
    )
    for name in ("the service", "the process that asks"):
        more = [a.grown[name] - b.grown[name] for a, b in zip(active, off, strict=True)]
        yield Line(
            measurement=f"memory of {name}, its growth over that with advice off",
            unit="MB",
            wall=median(more),
            goals=_GROWTH_GOALS,
            note=(
                f"{median(one.held[name] for one in active):.0f} MB at the end; in the last three "
                f"quarters it grew by {median(one.grown[name] for one in active):.1f} MB, else by "
                f"{median(one.grown[name] for one in off):.1f} MB"
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Course:
    """What one course came to.

    Attributes:
        count: Contexts.
        slow: Of those decided by what became of a question.
        p50_ms: Of decisions that ask for none.
        p99_ms: Of those.
        busy: Share of all cores that were not idle, in percent.
        grown: Memory that each process took up since a quarter of the course, in MB.
        held: Memory of each at the end, in MB.
        at_once: Most requests that the stand-in answered at once.
    """

    count: int
    slow: int
    p50_ms: float
    p99_ms: float
    busy: float
    grown: Mapping[str, float]
    held: Mapping[str, float]
    at_once: int = 0


@dataclass(slots=True)
class _Found:
    """Latencies as they are found, in seconds."""

    fast: list[float] = field(default_factory=list)
    slow: int = 0


def _run(folder: Path, declared: Path, mode: str, count: int) -> _Course:
    """Return what a course comes to under a mode."""
    with _endpoint(folder) as url, _service(folder, declared, url, mode) as pid:
        course = asyncio.run(_decided(folder, pid, count))
    match = _AT_ONCE.search((folder / "endpoint.out").read_text(encoding="utf-8"))
    return replace(course, at_once=int(match[1].replace(",", "")) if match else 0)


async def _decided(folder: Path, pid: int, count: int) -> _Course:
    """Return what a course comes to at a service."""
    async with connect(f"unix://{folder / 'api.sock'}", token=_TOKEN) as client:
        await _warm(client)
        pids = {"the service": pid, "the process that asks": _asking_pid(pid)}
        found, busy = _Found(), _idle()
        early: dict[str, float] = {}
        begun = time.monotonic()
        async with asyncio.TaskGroup() as deciding:
            for number in range(count):
                turn, symbol = divmod(number, _SYMBOLS)
                due = begun + number / _PACE
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                deciding.create_task(_decide(client, symbol, turn, found))
                if number == count // 4:
                    early = {name: _memory(one) for name, one in pids.items()}
            held = {name: _memory(one) for name, one in pids.items()}
            share = _busy_since(busy)
        return _Course(
            count=count,
            slow=found.slow,
            p50_ms=percentile(found.fast, 0.5) * _MS,
            p99_ms=percentile(found.fast, 0.99) * _MS,
            busy=share,
            grown={name: held[name] - early[name] for name in pids},
            held=held,
        )


async def _warm(client: Client) -> None:
    """Let every symbol have enough samples to want a position once it moves."""
    found = _Found()
    for turn in range(-_WARM, 0):
        await asyncio.gather(*(_decide(client, s, turn, found) for s in range(_SYMBOLS)))


async def _decide(client: Client, symbol: int, turn: int, found: _Found) -> None:
    """Offer a quote, and note how long its decision took."""
    sequence = _WARM + turn
    moved = max(0, turn - symbol // _MOVING_AT)
    price = 2000.0 * (1.0 + 2e-5 * moved)
    at_ns = _BEGAN_NS + sequence * NS_PER_S
    quote = Context(
        feed="bench",
        symbol=_name(symbol),
        sequence=sequence + 1,
        bid=price,
        ask=price * 1.00001,
        event_ns=at_ns,
        receive_ns=at_ns,
    )
    begun = time.perf_counter()
    delivery = await client.decide(quote, budget_ms=_BUDGET_MS)
    took = time.perf_counter() - begun
    reasons = json.loads(delivery.line)["decision"]["reasons"]
    if any(one in _ANSWERED for one in reasons):
        found.slow += 1
    else:
        found.fast.append(took)


_BEGAN_NS: Final = 1_700_000_000 * NS_PER_S
_ANSWERED: Final = frozenset(
    f"advice-{one}"
    for one in ("approved", "adjusted", "deferred", "vetoed", "timed-out", "invalid", "failed")
)


def _name(symbol: int) -> str:
    """Return the name of a symbol."""
    return f"bench:S{symbol:02}"


def _declared(folder: Path) -> Path:
    """Return declarations of the symbols, under which whoever moves asks."""
    declared = folder / "declared"
    for name in ("streams", "governance", "router"):
        shutil.copytree(ROOT / name, declared / name)
    instruments = declared / "streams" / "instruments"
    text = (instruments / "binance-spot-ETHUSDT.yaml").read_text(encoding="utf-8")
    for number in range(_SYMBOLS):
        body = text.replace("symbol: binance-spot:ETHUSDT", f"symbol: {_name(number)}")
        (instruments / f"bench-S{number:02}.yaml").write_text(body, encoding="utf-8")
    _change(declared / "router" / "policy.yaml", "bias: -2.0", "bias: 2.0")
    _change(declared / "router" / "policy.yaml", "cost: 1.0", "cost: 0.0")
    _change(
        declared / "governance" / "policies" / "gates.yaml", "max_symbols: 10", "max_symbols: 80"
    )
    policy = declared / "governance" / "policies" / "reasoning.yaml"
    for old, new in (
        ("entropy_ratio: 0.8", "entropy_ratio: 1.0"),
        ("disagreement_ratio: 0.8", "disagreement_ratio: 1.0"),
        ("transition_probability: 0.4", "transition_probability: 1.0"),
        ("notional_ratio: 0.95", "notional_ratio: 0.0"),
        ("budget_ms: 2000", f"budget_ms: {(_STEPS + 2) * _STEP_MS}"),
        ("calls_per_hour: 600", "calls_per_hour: 100000"),
        ("tokens_per_hour: 4000000", "tokens_per_hour: 1000000000"),
    ):
        _change(policy, old, new)
    live = declared / "governance" / "policies" / "live.yaml"
    _change(live, "answer_ms: 5000", f"answer_ms: {_BUDGET_MS}")
    _change(live, "kept_outcomes: 16384", f"kept_outcomes: {_KEPT}")
    return declared


def _change(path: Path, old: str, new: str) -> None:
    """Change what a declaration says."""
    text = path.read_text(encoding="utf-8")
    if old not in text:
        message = f"{path} does not say {old!r}"
        raise RuntimeError(message)
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


@contextmanager
def _endpoint(folder: Path) -> Iterator[str]:
    """Give the address of a stand-in."""
    script = f"veto:{_STEP_MS}"
    words = ["endpoint", "fake", "--port", "0", "--script", script]
    with _process(words, folder, {}, cores=_APART) as process:
        until = time.monotonic() + _START_S
        said = folder / "endpoint.out"
        while (match := _SAYS.search(said.read_text(encoding="utf-8"))) is None:
            if process.poll() is not None or time.monotonic() > until:
                message = "a stand-in that was just started does not listen"
                raise RuntimeError(message)
            time.sleep(0.05)
        yield match[1]


@contextmanager
def _service(folder: Path, declared: Path, url: str, mode: str) -> Iterator[int]:
    """Give the process of a service that serves, and asks there."""
    tokens = folder / "tokens"
    tokens.write_text(f"report bench {_TOKEN}\n", encoding="ascii")
    tokens.chmod(0o600)
    socket = folder / "api.sock"
    words = ["serve", "--source", "api:", "--mode", "paper", "--log", str(folder / "live.log")]
    words += ["--advise", "--reasoning-mode", mode, "--tokens", str(tokens)]
    words += ["--listen", "127.0.0.1:0", "--listen-unix", str(socket)]
    variables = {
        "TORGHUT_ARTIFACT_DIR": str(folder / "var"),
        "TORGHUT_DECLARATIONS_DIR": str(declared),
        "TORGHUT_REASONING_ENDPOINT": url,
        "TORGHUT_REASONING_MODEL": "torghut-specialist-v1",
    }
    with _process(words, folder, variables) as process:
        until = time.monotonic() + _START_S
        while not (socket.exists() and _asking_pid(process.pid)):
            if process.poll() is not None or time.monotonic() > until:
                message = "a service that was just started does not serve"
                raise RuntimeError(message)
            time.sleep(0.05)
        time.sleep(5.0)  # whoever asks has loaded DSPy by then
        yield process.pid


@contextmanager
def _process(
    words: Sequence[str],
    folder: Path,
    variables: Mapping[str, str],
    *,
    cores: Sequence[int] = _ALL,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command, and end it after the block; what it says is in files named after it."""
    program = (
        f"import os; os.sched_setaffinity(0, {cores}); "
        "from torghut.entrypoints.cli import main; main()"
    )
    with ExitStack() as stack:
        said, errors = (
            stack.enter_context((folder / f"{words[0]}.{kind}").open("wb"))
            for kind in ("out", "err")
        )
        process = subprocess.Popen(  # noqa: S603 - commands of this module
            [sys.executable, "-c", program, *words],
            stdout=said,
            stderr=errors,
            cwd=folder,
            env={**os.environ, **variables},
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=_START_S)


def _asking_pid(service: int) -> int:
    """Return the process that asks for a service; 0 where there is none."""
    for children in Path(f"/proc/{service}/task").glob("*/children"):
        for text in children.read_text(encoding="ascii").split():
            words = Path(f"/proc/{text}/cmdline").read_bytes().split(b"\0")
            if b"reasoning" in words:
                return int(text)
    return 0


def _memory(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    match = re.search(r"VmRSS:\s+([0-9]+) kB", text)
    return int(match[1]) / _MB if match else 0.0


def _idle() -> tuple[float, float]:
    """Return the idle and the whole time of all cores so far."""
    line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    ticks = [int(one) for one in line.split()[1:9]]
    return float(ticks[3] + ticks[4]), float(sum(ticks))


def _busy_since(before: tuple[float, float]) -> float:
    """Return the share of all cores that was not idle since then, in percent."""
    idle, whole = (now - then for now, then in zip(_idle(), before, strict=True))
    return 100.0 * (1.0 - idle / whole)
