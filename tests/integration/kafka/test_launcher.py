"""Kafka as tests start it: it comes up, its nodes die one by one, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ops.servers import broker as launcher
from ops.servers import jars
from ops.servers.broker import BrokerCluster, BrokerUnavailableError
from ops.servers.node import CLASSES, BrokerOptions, Node, properties
from tests.support.decisions.declared import ROOT

GONE_S = 10
"""Longest that an abandoned node may outlive whoever started it, in seconds."""


def answered(addresses: list[str], nodes: int, budget_s: float) -> bool:
    """Return whether each of the addresses names so many nodes within a budget, in seconds."""
    asked = [sys.executable, "-m", "ops.servers.answering", str(nodes), str(budget_s), *addresses]
    return subprocess.run(asked, cwd=ROOT, check=False).returncode == 0


def test_one_node_takes_part_when_it_is_handed_out(broker: str) -> None:
    assert answered(broker.split(","), 1, 5)


def test_storage_tool_that_hangs_is_told_as_a_broker_that_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\nexec sleep 60\n", encoding="ascii")
    java.chmod(0o755)
    monkeypatch.setattr("ops.servers.node.FORMAT_S", 0.1)
    node = Node(str(java), tmp_path, tmp_path / "node-1", BrokerOptions())

    with pytest.raises(BrokerUnavailableError, match="no Kafka: its storage tool"):
        node.lay_out("cluster", {})


def test_node_maps_the_classes_that_a_first_one_left(cluster: BrokerCluster) -> None:
    maps = Path(f"/proc/{cluster.nodes[0].pid}/maps").read_text(encoding="ascii")

    assert CLASSES in maps


def test_killed_node_is_missed_by_the_others_and_taken_back(cluster: BrokerCluster) -> None:
    cluster.kill(3)
    missed = answered(list(cluster.addresses[:2]), 2, 20)
    cluster.restart(3)

    assert missed
    assert answered(list(cluster.addresses), 3, 5)


def test_suspended_node_answers_nobody_until_it_goes_on(cluster: BrokerCluster) -> None:
    cluster.suspend(2)
    silent = not answered([cluster.addresses[1]], 3, 1)
    cluster.resume(2)

    assert silent
    cluster.await_ready()


@pytest.mark.usefixtures("broker")
def test_nodes_of_a_killed_process_end_and_leave_no_folder() -> None:
    code = (
        "import sys, time; from ops.servers.broker import run_broker\n"
        "with run_broker() as c: print(c.nodes[0].pid, c.folder, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        pid, folder = child.stdout.readline().split()
        child.kill()

    for _ in range(GONE_S * 20):
        if not _is_there(int(pid)) and not Path(folder).exists():
            break
        time.sleep(0.05)

    assert not _is_there(int(pid))
    assert not Path(folder).exists()


def _is_there(pid: int) -> bool:
    """Return whether a process is there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.usefixtures("broker")  # where none can be run, nor can this
def test_foreground_says_where_it_is_and_ends_with_ctrl_c() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "ops.servers", "kafka"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as started:
        assert started.stdout is not None
        lines = [started.stdout.readline() for _ in range(2)]
        started.send_signal(signal.SIGINT)
        status = started.wait(timeout=20)

    assert lines[1].startswith("TORGHUT_KAFKA_BOOTSTRAP=127.0.0.1:")
    assert status == 0


@pytest.mark.parametrize("arguments", [[], ["rabbit"], ["kafka", "--nodes", "2"]])
def test_what_nobody_can_run_is_answered_with_what_can_be(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "ops.servers", *arguments],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 2
    assert "usage: python -m ops.servers NAME" in ended.stderr
    assert "--nodes 3" in ended.stderr


def test_acknowledged_records_can_be_made_to_reach_the_disk_first() -> None:
    ports = [(1, 2)]

    synced = properties(1, ports, BrokerOptions(flush_messages=1), ROOT)

    assert synced["log.flush.interval.messages"] == "1"
    assert "log.flush.interval.messages" not in properties(1, ports, BrokerOptions(), ROOT)


def test_machine_without_java_is_told_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)

    with pytest.raises(launcher.BrokerUnavailableError, match="install Java 17 or newer"):
        launcher.find_java()


def test_old_java_is_refused_by_its_version(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n", encoding="utf-8")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))

    with pytest.raises(launcher.BrokerUnavailableError, match="Java 17 or newer, found 11"):
        launcher.find_java()


def maven(folder: Path, script: str) -> None:
    """Put a program ``mvn`` into a folder."""
    program = folder / "mvn"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)


def test_half_a_copy_is_fetched_again_and_refused_if_it_stays_half(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copied = 'for a in "$@"; do case $a in -DoutputDirectory=*) d=${a#*=};; esac; done; mkdir "$d"'
    maven(tmp_path, f'{copied}; echo half > "$d/kafka_2.13-4.1.0.jar"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    with pytest.raises(launcher.BrokerUnavailableError, match="jars are not those of"):
        jars.jars(tmp_path / "kafka" / "libs")


def test_maven_that_fails_is_quoted_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    maven(tmp_path, "echo no such artifact; exit 1")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)

    with pytest.raises(launcher.BrokerUnavailableError, match="no such artifact") as caught:
        jars.jars(tmp_path / "kafka" / "libs")

    assert "\n" not in str(caught.value)
