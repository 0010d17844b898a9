"""A full disk below the database is told as such, harms nothing, and is over when there is room."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ops.servers.database import programs_folder
from tests.support.decisions.declared import ROOT

ON_ITS_OWN = ("unshare", "--mount", "--propagation", "private")
pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

FULL_DISK = "tests.integration.postgres.full_disk"


def test_full_disk_is_told_and_the_log_goes_on_when_there_is_room() -> None:
    if programs_folder() is None:
        pytest.skip("no PostgreSQL: install the system package postgresql")
    if os.geteuid() != 0:
        pytest.skip("a small disk for a server of another user takes root to mount")
    ended = subprocess.run(
        [*ON_ITS_OWN, sys.executable, "-m", FULL_DISK],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.split("\n")[:2] == ["disk-full", "went on"]
