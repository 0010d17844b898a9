"""No path leads to a model but the one that is declared, and none at all while advice is off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.architecture.test_model_path import check_one_path
from tests.architecture.tree import SOURCE
from tests.support.live.advised import Advised, advised, stand_in
from torghut.client import SyncClient

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

GUARD: Final = """
import json, os, sys

AT = ("socket.connect", "socket.sendto", "socket.sendmsg")
OF = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")

def guard(event, given):
    if event in AT and isinstance(given[1], tuple):
        found = list(given[1][:2])
    elif event in OF:
        found = [str(given[0])]
    else:
        return
    with open(os.environ["GUARDED"], "a") as file:
        file.write(json.dumps(found) + "\\n")

sys.addaudithook(guard)
"""
"""What every process of the service begins with: it writes down whom it speaks to by network.

That is where it connects or sends to, with the port, and which names it looks up.
"""
LISTENS: Final = {("127.0.0.1",), ("localhost",), ("::1",)}
"""What a process looks up to listen; nobody is asked what those are."""

SPEAKING: Final = """
import socket
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
    udp.sendto(b"hello", ("127.0.0.1", 9))
    udp.sendmsg([b"hello"], [], 0, ("127.0.0.2", 9))
for look_up in (lambda: socket.getaddrinfo("a.invalid", 1, flags=socket.AI_NUMERICHOST),
                lambda: socket.getaddrinfo("localhost", 1)):
    try:
        look_up()
    except OSError:
        pass
"""
"""Says something by network without a connection; nothing of it leaves the machine."""


@contextmanager
def guarded(folder: Path, url: str, mode: str) -> Iterator[tuple[Advised, SyncClient, Path]]:
    """Give a service in a mode, and the file of whom it and its processes spoke to."""
    said, site = folder / "connections", folder / "site"
    site.mkdir(parents=True)
    (site / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    with advised(folder, url, "--reasoning-mode", mode) as made:
        made.service.variables = {
            **made.service.variables,
            "PYTHONPATH": f"{site}:{SOURCE.parent}",
            "GUARDED": str(said),
        }
        made.service.start()
        client = made.service.client()
        made.warm(client)
        yield made, client, said


def spoken_to(said: Path) -> set[tuple[object, ...]]:
    """Return whom processes spoke to by network, and the names they looked up but to listen."""
    lines = said.read_text(encoding="utf-8").splitlines() if said.exists() else []
    return {tuple(json.loads(line)) for line in lines} - LISTENS


def test_what_is_sent_or_looked_up_without_a_connection_is_seen(tmp_path: Path) -> None:
    said = tmp_path / "said"

    variables = {**os.environ, "GUARDED": str(said)}
    subprocess.run([sys.executable, "-c", GUARD + SPEAKING], check=True, env=variables, timeout=30)

    assert spoken_to(said) == {("127.0.0.1", 9), ("127.0.0.2", 9), ("a.invalid",)}


def test_remove_legacy_runtime_network_llm_path(tmp_path: Path) -> None:
    check_one_path()
    with stand_in(tmp_path) as (url, _):
        port = int(url.rpartition(":")[2].partition("/")[0])
        with guarded(tmp_path / "off", url, "off") as (made, client, said):
            for _ in range(20):
                made.decide(client)
            made.reasons_until(client, "reasoning-off")
            assert made.service.end() == 0
        assert spoken_to(said) == set()

        with guarded(tmp_path / "active", url, "active") as (made, client, said):
            made.reasons_until(client, "advice-approved", "advice-adjusted", "advice-vetoed")
            assert made.service.end() == 0
        assert spoken_to(said) == {("127.0.0.1", port)}
