"""Whichever part of a distributed deployment fails: nothing is lost, nothing happens twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from ops.servers.broker import BrokerOptions, BrokerUnavailableError, run_broker
from tests.fakes.proxy import HOST, Proxy, kafka_client
from tests.support.carrying.carried_chaos import CONTEXTS, PARTITIONS, Chaos, market
from tests.support.carrying.deployments import carried, written
from tests.support.live.paying import router_package
from tests.support.machine.commands import Ended
from tests.support.machine.servers import own_server
from tests.support.machine.slow_disk import why_not
from tests.support.scheduling.schedulers import declare
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.composition import logs
from torghut.decisions.recording import read_block
from torghut.schemas.codes import Reason
from torghut.schemas.rows.decision import decision_dtype
from torghut.settings import DECLARATIONS_DIR

pytestmark = [pytest.mark.system, pytest.mark.enable_socket, pytest.mark.timeout(0)]

WORKERS: Final = ("one", "two")
MARKET: Final = "market.csv"
STOPPED_IN: Final = 10
"""The round in which everything is stopped: by then something is held, and later little is left."""

READY_EVERY: Final = 5
"""Rounds until all is waited for; until then faults meet what an earlier one left."""


def chaos_of(stack: ExitStack, folder: Path, *, nodes: int, rounds: int, seed: int) -> Chaos:
    """Return a deployment with two workers, every way to its servers one that can be cut."""
    draw = random.Random(seed)  # noqa: S311 - a test's own course
    to_broker: list[Proxy] = []

    def through(port: int) -> int:
        """Put something between a node and its clients."""
        way = Proxy(named=kafka_client, target=port)
        to_broker.append(stack.enter_context(way.open()))
        return way.port

    options = BrokerOptions(nodes=nodes, quick=True, through=through)
    cluster = stack.enter_context(run_broker(options))
    server, databases = stack.enter_context(own_server())
    log = databases.make()
    name = log.partition("?")[0].rpartition("/")[2]
    to_database = {
        worker: stack.enter_context(Proxy(target=f"{server.folder}/.s.PGSQL.5432").open())
        for worker in WORKERS
    }
    package = router_package()
    declared = declare(folder / "declared", {})
    FolderPackageStore(declared / "router" / "baselines").save(package)
    variables = {DECLARATIONS_DIR: str(declared)}
    deployment = stack.enter_context(carried(folder, cluster.bootstrap, log, variables))
    serving = ("--package", str(package.reference))
    for worker, way in to_database.items():
        reached = f"postgresql://torghut@{HOST}:{way.port}/{name}"
        deployment.worker(worker, log=reached, options=serving)
    source = folder / MARKET
    source.write_text(market(rounds, draw), encoding="utf-8")
    return Chaos(
        deployment=deployment,
        cluster=cluster,
        server=server,
        to_broker=to_broker,
        to_database=to_database,
        source=f"csv:{source}?time=ns",
        draw=draw,
        options=serving,
    )


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as one:
        yield one


def test_twenty_faults_lose_nothing_and_double_nothing(stack: ExitStack, tmp_path: Path) -> None:
    _judge(stack, tmp_path, nodes=3, rounds=20, seed=6)


@pytest.mark.soak
def test_two_hundred_faults_lose_nothing_and_double_nothing(
    stack: ExitStack, tmp_path: Path
) -> None:
    _judge(stack, tmp_path, nodes=3, rounds=200, seed=7)


def _judge(stack: ExitStack, folder: Path, *, nodes: int, rounds: int, seed: int) -> None:
    """Let so many things go wrong, throw a stop in between, then compare everybody's account."""
    try:
        chaos = chaos_of(stack, folder, nodes=nodes, rounds=rounds, seed=seed)
    except BrokerUnavailableError as error:
        pytest.skip(str(error)[:300])
    _let_happen(chaos, folder, rounds)
    deployment = chaos.deployment
    counted = deployment.settle()
    for one in deployment.workers.values():
        assert one.end() == 0, one.said()

    assert counted["wrong"] == counted["waiting"] == counted["untold"] == 0
    assert counted["records"] >= chaos.kept + len(chaos.poison) > rounds * CONTEXTS
    assert set(chaos.befell) == set(chaos.faults)
    assert why_not() or min(chaos.held_up["database"], chaos.held_up["broker"]) > 0
    assert chaos.defects() == []
    _expect_same(counted, deployment.history(folder / MARKET, chaos.poison), rounds)
    asyncio.run(_expect_stopped(deployment.log))
    deployment.verify()


def _let_happen(chaos: Chaos, folder: Path, rounds: int) -> None:
    """Let so many things go wrong, and throw a stop in between."""
    mode = {"kind": "mode", "control_id": "mode", "mode": "paper", "notional_cap": 100000.0}
    stop = {"kind": "stop", "control_id": "stop", "state": "stopped", "reason": "a test"}
    chaos.send_control(written(folder / "mode.jsonl", mode))
    chaos.await_ready()
    for number, fault in enumerate(chaos.course(rounds)):
        chaos.round(number, fault)
        if number == STOPPED_IN:
            chaos.send_control(written(folder / "stop.jsonl", stop))
        if number % READY_EVERY == READY_EVERY - 1:
            chaos.await_ready()
    chaos.await_ready()


def _expect_same(counted: Mapping[str, int], history: Ended, rounds: int) -> None:
    """Check that who knows no Torghut finds nothing wrong, and as much as the auditor does."""
    assert history.status == 0, history.out + history.err
    told = history.json["counts"]
    assert told["contexts"] == counted["records"] == counted["outcomes"]
    assert told["decided"] + told["refused"] == counted["published"]
    assert told["quarantined"] == counted["records"] - counted["published"]
    assert told["decided"] == rounds * CONTEXTS
    assert told["exposed"] > 0
    assert told["stops"] == 1


async def _expect_stopped(address: str) -> None:
    """Check that every partition has the stop, once, and that nothing opened behind it."""
    log = logs.readable_log(logs.database_address(address))
    try:
        for partition in range(PARTITIONS):
            taken, last = 0, None
            async for block in log.blocks(partition):
                received = [one.record.control_id for one in read_block(block).received]
                taken += received.count("stop")
                if rows := block.arms["serving"].rows:
                    last = np.frombuffer(rows, decision_dtype(rows))[-1]
            assert taken == 1, f"partition {partition} has the stop {taken} times"
            assert last is None or int(last["reasons"]) >> Reason.STOPPED & 1, partition
    finally:
        await log.close()
