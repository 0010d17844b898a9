"""The relay where its broker is not there."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.support.machine.commands import run_apart


@pytest.mark.system
@pytest.mark.enable_socket
@pytest.mark.parametrize("options", [(), ("--until-end",)])
def test_relay_that_finds_no_broker_says_so_and_ends(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"

        ended = run_apart(tmp_path, "relay", "--bootstrap", address, "--budget-ms", "500", *options)

    assert ended.status == 7
    assert "carrying.broker-unreachable: raising the voice" in ended.err
