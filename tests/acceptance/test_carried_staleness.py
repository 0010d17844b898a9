"""After a halt past every limit nobody acts on what was decided late, and nothing of it is lost."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from ops.servers.broker import BrokerCluster, BrokerOptions, BrokerUnavailableError, run_broker
from ops.servers.database import DatabaseServer
from tests.support.carrying.deployments import (
    Carried,
    Worker,
    awaited,
    carried,
    consumed,
    written,
)
from tests.support.decisions.declared import ROOT
from tests.support.machine.servers import own_server
from torghut.carrying.messages import Received
from torghut.client.delivery import Judge, State
from torghut.client.limits import Limits
from torghut.client.machine import Machine
from torghut.client.wire.messages import Decided, read_line
from torghut.schemas.live.position import parse_position
from torghut.settings import DECLARATION_FOLDERS, DECLARATIONS_DIR

pytestmark = [pytest.mark.system, pytest.mark.enable_socket, pytest.mark.timeout(0)]

LATE_MS: Final = 1000
"""Of lag, from which on the declared policy of these tests opens nothing."""

LIFETIME_MS: Final = 2000
"""Of a decision, as these tests declare it."""

DECISIONS: Final = "torghut.decisions.v1"
SYMBOLS: Final = ("fxcm:EURUSD", "fxcm:NZDUSD")
CALM_S: Final = 4.0
"""Of talk before, between and after halts."""

BUDGET_MS: Final = 2000
"""For an answer of the broker, as the worker of these tests has it."""

UNREADY_S: Final = 4.5
"""Within which a worker says that the broker or the database is away, its budgets included."""

BUSY: Final = {
    "sample_interval_ms: 30000": "sample_interval_ms: 0",
    "fast_samples: 20": "fast_samples: 2",
    "slow_samples: 120": "slow_samples: 8",
    "channel_samples: 120": "channel_samples: 8",
    "warm_up_samples: 240": "warm_up_samples: 10",
}
"""How instruments are declared so that positions are opened within seconds."""

_STEP_MS: Final = 25
_NS_PER_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000
_BEGIN_NS: Final = 1_399_291_200_000_000_000  # Monday 2014-05-05, 12:00 UTC


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """When something was away, by wall time.

    Attributes:
        what: Was away.
        begin_ns: From then on.
        end_ns: Until then.
        unready: What the worker said that kept it from being ready, soon after it began.
    """

    what: str
    begin_ns: int
    end_ns: int
    unready: str


def declared(folder: Path) -> Path:
    """Write declarations into a folder, and return it: limits are small, and it soon trades."""
    for name in DECLARATION_FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    replace(
        folder / "governance/policies/live.yaml",
        {"lag_begin_ms: 3000": f"lag_begin_ms: {LATE_MS}", "lag_end_ms: 500": "lag_end_ms: 300"},
    )
    for name in ("EURUSD", "NZDUSD"):
        replace(
            folder / f"streams/instruments/fxcm-{name}.yaml",
            {"decision_lifetime_ms: 10000": f"decision_lifetime_ms: {LIFETIME_MS}", **BUSY},
        )
    replace(
        folder / "governance/policies/gates.yaml",
        {
            "default: 60\n": "default: 0\n",  # dwell
            "default: 40\n": "default: 100000\n",  # turnover
        },
    )
    return folder


def replace(file: Path, changes: dict[str, str]) -> None:
    """Change words of a file, all of which it has."""
    text = file.read_text(encoding="utf-8")
    for old, new in changes.items():
        assert old in text, f"{file} does not say {old!r}"
        text = text.replace(old, new)
    file.chmod(0o644)
    file.write_text(text, encoding="utf-8")


def market(path: Path, *, lasts_s: float) -> str:
    """Write quotes of two symbols for so long, and return their URI."""
    lines = ["symbol,event_time,bid,ask"]
    for place in range(int(lasts_s * 1000) // _STEP_MS):
        mid = 1.1 + 0.0001 * ((place * 7919) % 101 - 50) / 50
        time_ns = _BEGIN_NS + place * _STEP_MS * _NS_PER_MS
        lines.append(f"{SYMBOLS[place % 2]},{time_ns},{mid - 2e-5:.5f},{mid + 2e-5:.5f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"csv:{path}?time=ns"


@pytest.mark.parametrize(
    ("halted_s", "away_s"),
    [
        pytest.param(5.0, 5.0, id="seconds"),
        pytest.param(600.0, 120.0, id="minutes", marks=pytest.mark.soak),
    ],
)
def test_backlog_is_decided_and_nobody_acts_on_it(
    tmp_path: Path, halted_s: float, away_s: float
) -> None:
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(run_broker(BrokerOptions(quick=True)))
        except BrokerUnavailableError as error:
            pytest.skip(str(error)[:300])
        server, databases = stack.enter_context(own_server())
        variables = {DECLARATIONS_DIR: str(declared(tmp_path / "declared"))}
        deployment = stack.enter_context(
            carried(tmp_path, cluster.bootstrap, databases.make(), variables)
        )
        mode = {"kind": "mode", "control_id": "m", "mode": "paper", "notional_cap": 100000.0}
        deployment.done("feed", "--control", written(tmp_path / "mode.jsonl", mode))
        source = market(tmp_path / "market.csv", lasts_s=halted_s + 2 * away_s + 5 * CALM_S)
        deployment.worker("one", options=("--budget-ms", str(BUDGET_MS))).start()
        deployment.workers["one"].await_ready()
        feeding = deployment.begin(
            *("feed", "--source", source, "--speed", "1x", "--budget-ms", "600000")
        )
        awaited(
            lambda: bool(asyncio.run(consumed(deployment.bootstrap, DECISIONS))),
            "the first decision is told",
        )
        halts = list(_halts(deployment, cluster, server, halted_s=halted_s, away_s=away_s))
        assert feeding.wait(CALM_S + 60.0) == 0
        counted = deployment.settle(len(Path(tmp_path / "market.csv").read_text().split()) - 1)
        assert counted["outcomes"] == counted["published"] == counted["records"]
        told = asyncio.run(consumed(deployment.bootstrap, DECISIONS))
        deployment.verify()

    _check(halts, _all_heard(told))


def _check(halts: Sequence[Halt], outcomes: Sequence[Heard]) -> None:
    """Check what a client made of everything, and what the worker said meanwhile."""
    for halt in halts:
        backlog = [one for one in outcomes if _in(halt, one)]
        assert len(backlog) > 1000 / _STEP_MS, f"{halt.what}: nothing had to wait"
        assert [one for one in backlog if one.acted] == [], halt.what
    late = [one for one in outcomes if one.late]
    assert late, "nothing was decided late"
    assert [one for one in late if one.raises] == []
    calm = [one for one in outcomes if one.ingress_ns < halts[0].begin_ns - _NS_PER_S]
    assert any(one.acted for one in calm), "nobody acts in calm either"
    assert any(one.raises for one in calm), "nothing was opened in calm either"
    assert "log" in halts[1].unready
    assert "broker" in halts[2].unready


def _halts(
    deployment: Carried,
    cluster: BrokerCluster,
    server: DatabaseServer,
    *,
    halted_s: float,
    away_s: float,
) -> Sequence[Halt]:
    """Halt the worker, then the database, then the broker, each for so long."""
    worker = deployment.workers["one"]

    def away(what: str, begin: Callable[[], None], end: Callable[[], None]) -> Halt:
        """Let something be away that the worker says it misses."""
        worker.await_ready()
        return _halt(what, begin, end, lambda: _unready(worker), away_s)

    halted = _halt(
        "worker",
        lambda: worker.send(signal.SIGSTOP),
        lambda: worker.send(signal.SIGCONT),
        lambda: "",  # it says nothing at all
        halted_s,
    )
    database = away("database", server.kill, server.start)
    broker = away("broker", lambda: cluster.suspend(1), lambda: cluster.resume(1))
    return [halted, database, broker]


def _halt(
    what: str,
    begin: Callable[[], None],
    end: Callable[[], None],
    unready: Callable[[], str],
    lasts_s: float,
) -> Halt:
    """Let something be away for so long, after a calm."""
    time.sleep(CALM_S)
    begun_ns = time.time_ns()
    begin()
    until_s = time.monotonic() + lasts_s
    why = unready()
    time.sleep(max(0.0, until_s - time.monotonic()))
    ended_ns = time.time_ns()
    end()
    return Halt(what=what, begin_ns=begun_ns, end_ns=ended_ns, unready=why)


def _unready(worker: Worker) -> str:
    """Return what a worker says within a few seconds that keeps it from being ready."""
    awaited(lambda: bool(worker.unready()), "it is not ready", within_s=UNREADY_S)
    return worker.unready()


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A decision as a client has it that hears it as soon as it is published.

    Attributes:
        ingress_ns: When its context came in; -1 where nobody knows.
        age_ns: Its age then; -1 likewise.
        acted: Whether the client acts on it, and it may open something.
        late: Whether it was decided late.
        raises: Whether its target is further from nothing than its symbol's last one, or beyond it.
    """

    ingress_ns: int
    age_ns: int
    acted: bool
    late: bool = False
    raises: bool = False


def _all_heard(records: Sequence[Received]) -> Sequence[Heard]:
    """Return what a client makes of all records, each symbol's in their order."""
    targets = dict.fromkeys(SYMBOLS, 0.0)
    return [_heard(record, targets) for record in records]


def _heard(record: Received, targets: dict[str, float]) -> Heard:
    """Return what a client makes of a record as soon as it is published.

    Args:
        record: Of the topic.
        targets: The last target of each symbol; that of this record is put in its place.
    """
    at_ns, text = record.timestamp_ms * _NS_PER_MS, (record.value or b"").decode()
    line = read_line(text)
    if not isinstance(line, Decided) or line.ingress_wall_ns is None:
        return Heard(ingress_ns=-1, age_ns=-1, acted=False)
    judge = Judge(limits=Limits(), machine=Machine(wall_ns=lambda: at_ns))
    delivery = judge.judge(line, text, parse_position(line.position), State("live", ""))
    late = "context-late" in line.decision.reasons
    symbol, target = line.decision.symbol, line.decision.target_position
    before = targets[symbol]
    if target is not None:  # else it keeps the one that there is
        targets[symbol] = target
    after = targets[symbol]
    return Heard(
        ingress_ns=line.ingress_wall_ns,
        age_ns=at_ns - line.ingress_wall_ns,
        acted=delivery.actionable and not late,
        late=late,
        raises=abs(after) > abs(before) or after * before < 0,
    )


def _in(halt: Halt, one: Heard) -> bool:
    """Return whether a decision's context came in during a halt and had to wait too long."""
    return halt.begin_ns < one.ingress_ns < halt.end_ns and one.age_ns > LATE_MS * _NS_PER_MS
