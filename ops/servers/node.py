"""One Kafka node as a process: its settings, and the signals that make it fail."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ops.servers.jars import ROOT, BrokerUnavailableError

JAVA_LEAST: Final = 17
STOP_S: Final = 20
"""Longest that a node may take to stop in order before it is killed, in seconds."""

FORMAT_S: Final = 60
"""Longest that laying out a node's folder may take, in seconds."""

HOST: Final = "127.0.0.1"
CLASSES: Final = "classes.jsa"
"""Among the jars: their classes as Java maps them, loaded and verified once (JEP 350)."""

_LOGGING: Final = ROOT / "ops" / "kafka" / "log4j2.properties"
_SAID: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureListener:
    """A second address of a single node, which wants TLS and a password.

    Attributes:
        port: On this machine's own address.
        certificate: File of the node's key and certificate, PEM; it vouches for itself.
        user: Whom it lets in, by SCRAM-SHA-512.
        password: With what.
    """

    port: int
    certificate: Path
    user: str
    password: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOptions:
    """How the nodes are set up.

    Attributes:
        nodes: 1 or 3; each is broker and controller.
        heap_mb: Heap of each, in MiB.
        flush_messages: Records of a partition after which a node syncs its file; None: it leaves
            that to the system, and a record is safe because other nodes have it.
        quick: Compile less: a node is ready with two thirds of the work, and slower at load. What
            measures a broker leaves it out.
        min_in_sync: Nodes that must have a record before it is acknowledged; None: 1 of 1, 2 of 3.
        secure: A further address of a single node.
        through: Gives the port that clients are told for a node's own: that of something between,
            which a test can cut.
    """

    nodes: int = 1
    heap_mb: int = 320
    flush_messages: int | None = None
    quick: bool = False
    min_in_sync: int | None = None
    secure: SecureListener | None = None
    through: Callable[[int], int] = lambda port: port

    @property
    def in_sync(self) -> int:
        """How many nodes must have a record before ``acks=all`` is answered."""
        return self.min_in_sync or (1 if self.nodes == 1 else 2)


def find_java() -> str:
    """Return the program ``java`` of version 17 or newer.

    Raises:
        BrokerUnavailableError: There is none.
    """
    home = os.environ.get("JAVA_HOME", "")
    java = shutil.which("java", path=f"{home}/bin") if home else None
    java = java or shutil.which("java")
    if java is None:
        message = f"no Kafka: no java on the path; install Java {JAVA_LEAST} or newer"
        raise BrokerUnavailableError(message)
    told = subprocess.run([java, "-version"], check=False, capture_output=True, text=True)
    version = re.search(r'version "(\d+)', told.stderr + told.stdout)
    if version is None or int(version[1]) < JAVA_LEAST:
        found = version[1] if version else "none that says its version"
        message = f"no Kafka: expected Java {JAVA_LEAST} or newer, found {found}"
        raise BrokerUnavailableError(message)
    return java


def properties(
    number: int, ports: Sequence[tuple[int, int]], options: BrokerOptions, folder: Path
) -> Mapping[str, str]:
    """Return a node's settings.

    Args:
        number: Of the node, from 1.
        ports: Of every node: for clients, for controllers.
        options: How the nodes are set up.
        folder: Of this node's data.
    """
    client, controller = ports[number - 1]
    told = options.through(client)
    copies = str(len(ports))
    settings = {
        "process.roles": "broker,controller",
        "node.id": str(number),
        "controller.quorum.voters": ",".join(
            f"{voter}@{HOST}:{port}" for voter, (_, port) in enumerate(ports, 1)
        ),
        "listeners": f"PLAINTEXT://{HOST}:{client},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{told}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder),
        "auto.create.topics.enable": "false",
        "default.replication.factor": copies,
        "min.insync.replicas": str(options.in_sync),
        # With the default of 50 the first member of a group waits for seconds.
        "offsets.topic.num.partitions": "1",
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.num.partitions": "1",
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": str(options.in_sync),
        "share.coordinator.state.topic.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": str(options.in_sync),
        "group.initial.rebalance.delay.ms": "0",
        "num.network.threads": "2",
        "num.io.threads": "2",
        "log.cleaner.dedupe.buffer.size": str(8 << 20),
        # A node that died is noticed within seconds, so that a test of it takes no longer.
        "broker.session.timeout.ms": "4000",
        "broker.heartbeat.interval.ms": "500",
        "replica.lag.time.max.ms": "4000",
        "controlled.shutdown.enable": "true" if len(ports) > 1 else "false",
    }
    if options.flush_messages is not None:
        settings["log.flush.interval.messages"] = str(options.flush_messages)
    if options.secure is not None:
        settings.update(_secured(settings, options.secure))
    return settings


def _secured(settings: Mapping[str, str], secure: SecureListener) -> Mapping[str, str]:
    """Return what changes where a node listens at a secure address too."""
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    address = f",SECURE://{HOST}:{secure.port}"
    return {
        "listeners": settings["listeners"] + address,
        "advertised.listeners": settings["advertised.listeners"] + address,
        "listener.security.protocol.map": settings["listener.security.protocol.map"]
        + ",SECURE:SASL_SSL",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secure.scram-sha-512.sasl.jaas.config": f"{module} required;",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(secure.certificate),
    }


class Node:
    """One node: its folder is laid out once, its process started as often as it is wanted."""

    def __init__(self, java: str, libs: Path, folder: Path, options: BrokerOptions) -> None:
        self._secure = options.secure
        self._command = [
            *(java, f"-Xmx{options.heap_mb}m", "-XX:+UseSerialGC"),
            *(["-Xms64m", "-XX:TieredStopAtLevel=1"] if options.quick else []),
            *([] if options.quick else [f"-Xms{options.heap_mb}m"]),  # a heap that grows stops all
            *(f"-Dlog4j2.configurationFile={_LOGGING}", "-cp", f"{libs}/*"),
        ]
        # Java looks whether they fit, and does without them where they do not.
        self._mapped = [f"-XX:SharedArchiveFile={libs / CLASSES}", "-Xshare:auto"]
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether its process is there, suspended or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """The id of its process; None where there is none."""
        return self._process.pid if self._process is not None and self.running else None

    def lay_out(self, cluster: str, settings: Mapping[str, str]) -> None:
        """Write its settings and the first files of its folder.

        Raises:
            BrokerUnavailableError: The program that does it failed, or did not end.
        """
        self._folder.mkdir(parents=True)
        text = "".join(f"{name}={value}\n" for name, value in settings.items())
        self._settings.write_text(text, encoding="utf-8")
        words = [
            *(*self._command, *self._mapped, "kafka.tools.StorageTool", "format"),
            *("-t", cluster, "-c", str(self._settings)),
            *self._users(),
        ]
        try:
            ended = subprocess.run(
                words, check=False, capture_output=True, text=True, timeout=FORMAT_S
            )
        except subprocess.TimeoutExpired as error:
            message = f"no Kafka: its storage tool was not done after {FORMAT_S} s; try again"
            raise BrokerUnavailableError(message) from error
        if ended.returncode:
            said = " ".join((ended.stdout + ended.stderr).split())[-_SAID:]
            message = f"no Kafka: its storage tool failed: {said}"
            raise BrokerUnavailableError(message)

    def _users(self) -> Sequence[str]:
        """Return whom the storage tool is to let in."""
        if self._secure is None:
            return ()
        login = f"name={self._secure.user},password={self._secure.password}"
        return ("--add-scram", f"SCRAM-SHA-512=[{login}]")

    def start(self, *, leaves: Path | None = None) -> None:
        """Start its process; whether it answers is another question.

        Args:
            leaves: Where it leaves its classes for later ones, once it is stopped in order.
        """
        classes = self._mapped if leaves is None else [f"-XX:ArchiveClassesAtExit={leaves}"]
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                [*self._command, *classes, "kafka.Kafka", str(self._settings)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the one who stops it in order
            )
        self._noted.write_text(str(self._process.pid), encoding="utf-8")

    def stop(self) -> None:
        """End its process in order; one that takes too long is killed."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._noted.unlink(missing_ok=True)

    def kill(self) -> None:
        """End its process as a power cut would: kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._noted.unlink(missing_ok=True)

    def suspend(self) -> None:
        """Let its process stand still, its connections open: SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let its process go on."""
        self._signal(signal.SIGCONT)

    def said(self) -> str:
        """Return the end of what it has written to its standard output."""
        return self._said.read_text("utf-8", "replace")[-_SAID:] if self._said.exists() else ""

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    @property
    def _settings(self) -> Path:
        return self._folder.with_suffix(".properties")

    @property
    def _said(self) -> Path:
        return self._folder.with_suffix(".out")

    @property
    def _noted(self) -> Path:
        return self._folder.with_suffix(".pid")
