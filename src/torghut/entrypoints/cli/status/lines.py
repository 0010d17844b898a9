"""How a look at the workers is told to people: thirty lines at most, the next command last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from torghut.entrypoints.cli.console import ago, plural
from torghut.entrypoints.cli.status.advice import next_command
from torghut.entrypoints.cli.status.governance import governance_fields, governance_in_short
from torghut.entrypoints.cli.status.judging import Judged, Look
from torghut.entrypoints.cli.switch.naming import told
from torghut.kernel.printing import printable
from torghut.kernel.times import instant
from torghut.schemas.live.worker import SwitchStanding, SymbolStatus, WorkerStatus

LINES_MAX: Final = 30

_WIDTH: Final = 10
_NAMES: Final = 12
_LETTERS: Final = 240
_SYMBOLS: Final = 8
_ENTRIES: Final = 4
_SWITCHES: Final = 8
_SHORT: Final = 12


def lines_of(look: Look) -> Sequence[str]:
    """Return everything that ``look`` saw, a line each."""
    whole = len(look.workers) == 1
    lines: list[str] = []
    for judged in look.workers:
        lines.append(_heading(judged, look.now_ns))
        if judged.seen.status is not None:
            lines.extend(_details(judged, judged.seen.status, look, whole=whole))
    lines.extend(f"{one.seen.worker}  ended in good order" for one in look.left_out)
    if not look.workers:
        lines.append("nobody has ever served here")
    lines.extend(_unread(look))
    governed = [
        f"{name:<{_NAMES}}{text}" for name, text in governance_fields(look.governance, look.now_ns)
    ]
    most = LINES_MAX - len(governed)
    if len(lines) >= most:
        more = len(lines) - (most - 2)
        lines = [*lines[: most - 2], f"… {more} lines more; see one worker with --worker NAME"]
    lines.extend(governed)
    last = f"{'next':<{_WIDTH}}{next_command(look)}"
    return [*(printable(line)[:_LETTERS] for line in lines), last]


def summary_of(look: Look) -> str:
    """Return what a look comes to, on one line without a time: equal while nothing changes."""
    workers = [
        f"{one.seen.worker} {one.condition}{_why(one)}{_switches_in_short(one)}"
        for one in look.workers
    ]
    thrown = sorted({one.name for one in look.thrown})
    files = f"switch files: {', '.join(thrown)}" if thrown else ""
    governed = governance_in_short(look.governance, look.now_ns)
    short = "; ".join(one for one in (*workers, files, governed) if one)
    return printable(short or "nobody has ever served here")[:_LETTERS]


def _heading(judged: Judged, now_ns: int) -> str:
    """Return the line that says whether a worker lives and what its loop is told."""
    seen, status = judged.seen, judged.seen.status
    process = "" if seen.pid is None else f" (process {seen.pid})"
    if status is None:
        return f"{seen.worker}  {judged.condition}{process}: {seen.fault or 'nothing said yet'}"
    since = f" since {instant(status.written_wall_ns)}, {ago(now_ns - status.written_wall_ns)}"
    match judged.condition:
        case "unreachable" | "ended":
            return f"{seen.worker}  {judged.condition}{since}; as it stood then:"
        case "not answering":
            return f"{seen.worker}  not answering{since}{process}; as it stood then:"
        case "starting":
            return f"{seen.worker}  starting{process}; as an earlier process left it:"
        case _:
            phase = "" if status.phase == "serving" else f", {status.phase}"
            return f"{seen.worker}  {status.state}{_why(judged)}{phase}{process}"


def _why(judged: Judged) -> str:
    """Return the reason that a worker gives for what its loop is told."""
    status = judged.seen.status
    spoken = judged.condition in {"stale", "stopped"}
    return f": {status.reason}" if spoken and status is not None and status.reason else ""


def _details(judged: Judged, status: WorkerStatus, look: Look, *, whole: bool) -> Iterator[str]:
    """Yield what a worker says of itself; what is not ``whole`` leaves the figures out."""
    if whole:
        yield from _figures(status, look.now_ns)
        yield from _symbols(status.symbols)
    for switch in status.switches[:_SWITCHES]:
        yield _field("switch", _standing(switch))
    if whole or status.latch:
        yield _field("latch", "closed: no exposure grows" if status.latch else "open")
    for mode in status.degraded[:_ENTRIES]:
        since = f"since {instant(mode.since_wall_ns)}"
        yield _field("degraded", f"{mode.code} {since}: {mode.detail}")
    if whole and not status.degraded and not judged.gone:
        yield _field("degraded", "no")


def _figures(status: WorkerStatus, now_ns: int) -> Iterator[str]:
    """Yield counts, ages and versions."""
    newest = status.last_decision_wall_ns
    last = "none yet" if newest is None else f"the last {ago(now_ns - newest)}"
    yield _field(
        "decided",
        f"{status.decisions:,} of {plural(status.contexts, 'context')}, {status.refused:,} refused;"
        f" {last}, position {status.position or 'none'}",
    )
    lag = "not measured" if status.lag_ms is None else f"{status.lag_ms:,.0f} ms"
    yield _field(
        "lag",
        f"{lag}; {status.pending:,} pending; {plural(status.subscribers, 'subscriber')}; "
        f"{plural(status.control_records, 'control record')}",
    )
    yield _field("source", f"{status.source} → {status.log}")
    yield _field("api", status.api or "none")
    if status.revision:
        yield _field("revision", status.revision)
    packages = sorted(status.packages.items())
    served = ", ".join(f"{name}@{digest[:_SHORT]}" for name, digest in packages[:_ENTRIES])
    more = f" and {len(packages) - _ENTRIES} more" if len(packages) > _ENTRIES else ""
    yield _field(
        "packages",
        f"{served or 'none, defensive weights'}{more}; kernel {status.kernel_version}, "
        f"declarations {status.declarations[:_SHORT]}",
    )


def _symbols(symbols: Sequence[SymbolStatus]) -> Iterator[str]:
    """Yield mode, cap and position of the first symbols."""
    for one in symbols[:_SYMBOLS]:
        yield _field(
            "symbol",
            f"{one.symbol} {one.mode}, cap {one.notional_cap:,.0f}; position {one.position:+,.6g} "
            f"({one.position_basis}), target {one.target:+,.6g}; "
            f"{plural(one.decisions, 'decision')}",
        )
    if len(symbols) > _SYMBOLS:
        yield _field("symbol", f"{len(symbols) - _SYMBOLS} more; see --json")


def _unread(look: Look) -> Iterator[str]:
    """Yield the switches that files throw and no worker has read."""
    read = {
        switch.throw_id
        for one in look.workers
        if one.seen.status is not None
        for switch in one.seen.status.switches
    }
    for thrown in [one for one in look.thrown if one.throw_id not in read][:_ENTRIES]:
        yield _field("switch", f"{thrown.name} {told(thrown)} [file, read by nobody yet]")


def _standing(switch: SwitchStanding) -> str:
    """Return a switch that a worker has in force."""
    where = "on record" if switch.recorded else "by file, not on record yet"
    return f"{switch.name} {told(switch)} [{where}]"


def _switches_in_short(judged: Judged) -> str:
    """Return the names of what a worker has in force or lacks."""
    status = judged.seen.status
    if status is None:
        return ""
    names = sorted({one.name for one in status.switches} | {one.code for one in status.degraded})
    return f" [{', '.join(names)}]" if names else ""


def _field(name: str, value: str) -> str:
    """Return a name and its value."""
    return f"  {name:<{_WIDTH}}{value}"
