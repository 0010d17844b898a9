"""Apache Kafka for development and tests: one node or three, data in a temporary folder."""

from __future__ import annotations

import base64
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from ops.servers.jars import ROOT, BrokerUnavailableError, alone, jars
from ops.servers.node import (
    CLASSES,
    HOST,
    BrokerOptions,
    Node,
    SecureListener,
    find_java,
    properties,
)

__all__ = [
    "BrokerCluster",
    "BrokerOptions",
    "BrokerUnavailableError",
    "SecureListener",
    "find_java",
    "free_port",
    "run_broker",
    "serving",
]

READY_S: Final = 45.0
"""Longest that the nodes may take until all of them take part, in seconds."""

TRIES: Final = 2
"""How often a start is tried: a port that was free may be taken a moment later."""

_PORTS: Final = (20_000, 32_000)
"""Below those that the system gives to connections, so that a node finds its own free again."""

_NODES: Final = {(): 1, ("--nodes", "1"): 1, ("--nodes", "3"): 3}
_KEEPER: Final = 'cat >/dev/null; for f in "$0"/*.pid; do kill -9 "$(cat "$f")"; done; rm -rf "$0"'
"""Ends the nodes of a process that was itself killed: its end of the pipe is then closed."""


class BrokerCluster:
    """The nodes of one cluster, which can be made to fail one by one."""

    def __init__(self, options: BrokerOptions, folder: Path) -> None:
        """Lay out the nodes below ``folder``; none is started.

        Raises:
            BrokerUnavailableError: No node can be run on this machine.
        """
        java, libs = find_java(), jars()
        self.folder = folder
        ports = [(free_port(), free_port()) for _ in range(options.nodes)]
        places = [folder / f"node-{number}" for number in range(1, options.nodes + 1)]
        self.nodes: Sequence[Node] = tuple(Node(java, libs, place, options) for place in places)
        self.bootstrap = ",".join(f"{HOST}:{client}" for client, _ in ports)
        self.addresses: Sequence[str] = tuple(self.bootstrap.split(","))
        cluster = _cluster_id(secrets.token_bytes(16))
        with ThreadPoolExecutor(max_workers=options.nodes) as threads:
            done = [
                threads.submit(node.lay_out, cluster, properties(number, ports, options, place))
                for number, (node, place) in enumerate(zip(self.nodes, places, strict=True), 1)
            ]
            for one in done:
                one.result()

    def start(self, budget_s: float = READY_S) -> None:
        """Start every node and wait until all of them take part.

        Raises:
            BrokerUnavailableError: They do not within the budget, in seconds.
        """
        for node in self.nodes:
            node.start()
        self.await_ready(budget_s)

    def restart(self, number: int, budget_s: float = READY_S) -> None:
        """Start one node again, from 1, and wait until it takes part.

        Raises:
            BrokerUnavailableError: It does not within the budget, in seconds.
        """
        self.nodes[number - 1].start()
        self.await_ready(budget_s)

    def await_ready(self, budget_s: float = READY_S) -> None:
        """Wait until every node whose process is there takes part.

        Raises:
            BrokerUnavailableError: They do not within the budget, in seconds.
        """
        running = [
            address
            for address, node in zip(self.addresses, self.nodes, strict=True)
            if node.running
        ]
        if not running or not _answered(running, budget_s):
            said = " ".join(node.said() for node in self.nodes)
            message = f"no Kafka: not ready after {budget_s:.0f} s: {' '.join(said.split())}"
            raise BrokerUnavailableError(message)

    def kill(self, number: int) -> None:
        """End one node, from 1, as a power cut would."""
        self.nodes[number - 1].kill()

    def suspend(self, number: int) -> None:
        """Let one node, from 1, stand still with its connections open."""
        self.nodes[number - 1].suspend()

    def resume(self, number: int) -> None:
        """Let one node, from 1, go on."""
        self.nodes[number - 1].resume()

    def stop(self) -> None:
        """End all nodes at once; their data goes with their folder."""
        for node in self.nodes:
            node.kill()


@contextmanager
def run_broker(options: BrokerOptions | None = None) -> Iterator[BrokerCluster]:
    """Run a cluster until the end of the block.

    Nothing of it is left behind, not even where the process that runs it is killed.

    Raises:
        BrokerUnavailableError: No node can be run on this machine, or none became ready.
    """
    chosen = options or BrokerOptions()
    _archive_classes(jars())
    for left in reversed(range(TRIES)):
        with tempfile.TemporaryDirectory(prefix="torghut-kafka-") as folder, _kept(Path(folder)):
            cluster = BrokerCluster(chosen, Path(folder))
            try:
                try:
                    cluster.start()
                except BrokerUnavailableError:
                    if not left:
                        raise
                    continue
                yield cluster
                return
            finally:
                cluster.stop()


def _archive_classes(libs: Path) -> None:
    """Let a first node leave its classes among the jars, so that all others start with less work.

    Where it leaves none it is not asked again.

    Raises:
        BrokerUnavailableError: No node can be run on this machine, or it did not become ready.
    """
    kept = libs / CLASSES
    with alone(libs.parent / "classes.lock"):
        if kept.exists():
            return
        with tempfile.TemporaryDirectory(dir=libs.parent) as folder, _kept(Path(folder)):
            cluster, left = (
                BrokerCluster(BrokerOptions(quick=True), Path(folder)),
                Path(folder, CLASSES),
            )
            cluster.nodes[0].start(leaves=left)
            try:
                cluster.await_ready()
            finally:
                cluster.nodes[0].stop()
            left.touch()
            left.rename(kept)


def _answered(addresses: Sequence[str], budget_s: float) -> bool:
    """Return whether every one of the nodes says within the budget that all of them take part."""
    module = [sys.executable, "-m", "ops.servers.answering"]
    asked = [*module, str(len(addresses)), str(budget_s), *addresses]
    return subprocess.run(asked, check=False, cwd=ROOT, stdin=subprocess.DEVNULL).returncode == 0


def free_port() -> int:
    """Return a port that nobody listens on now.

    Raises:
        BrokerUnavailableError: A hundred in a row were taken.
    """
    first, last = _PORTS
    for _ in range(100):
        port = first + secrets.randbelow(last - first)
        with socket.socket() as tried:
            try:
                tried.bind((HOST, port))
            except OSError:
                continue
            return port
    message = f"no Kafka: no free port between {first} and {last}"
    raise BrokerUnavailableError(message)


@contextmanager
def _kept(folder: Path) -> Iterator[None]:
    """Have the nodes below ``folder`` ended if this process does not come to the block's end."""
    keeper = subprocess.Popen(
        ["/bin/sh", "-c", _KEEPER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        keeper.kill()
        keeper.communicate()


def serving(*options: str) -> AbstractContextManager[str]:
    """Run a cluster until the end of the block, and give the variable that says where it is.

    Args:
        options: ``--nodes 3`` for three nodes.

    Raises:
        ValueError: They are something else.
        BrokerUnavailableError: Once it is entered: no node can be run on this machine.
    """
    if options not in _NODES:
        raise ValueError(options)
    return _served(_NODES[options])


@contextmanager
def _served(nodes: int) -> Iterator[str]:
    """Run so many nodes, and say so."""
    print("Starting Apache Kafka; the first time its jars are fetched", flush=True)
    with run_broker(BrokerOptions(nodes=nodes)) as cluster:
        yield f"TORGHUT_KAFKA_BOOTSTRAP={cluster.bootstrap}"


def _cluster_id(drawn: bytes) -> str:
    """Return 16 bytes as Kafka spells a cluster; none begins with a dash, as its options do."""
    return base64.urlsafe_b64encode(bytes([drawn[0] & 0x7F]) + drawn[1:]).rstrip(b"=").decode()
