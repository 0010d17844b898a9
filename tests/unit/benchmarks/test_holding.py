"""Processes are held to their share of a core by the files of either version of control groups."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from benchmarks.holding import (
    Groups,
    GroupsMissingError,
    Hold,
    control_groups,
    groups_at,
    held,
    join,
)

BUSY: Final = """
import time
input()
begin_s, until_s = time.process_time(), time.monotonic() + 1.0
while time.monotonic() < until_s:
    pass
print(time.process_time() - begin_s)
"""


def shown(folder: Path, **files: str) -> Path:
    """Return a folder with the system's files."""
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text, encoding="ascii")
    return folder


def test_groups_of_version_2_are_told_by_their_list_of_controllers(tmp_path: Path) -> None:
    mounted = shown(tmp_path, cgroup_controllers="cpuset cpu io memory\n")

    assert groups_at(mounted) == Groups(mounted, unified=True)


def test_groups_of_version_1_have_a_folder_for_cores(tmp_path: Path) -> None:
    assert groups_at(tmp_path) == Groups(tmp_path / "cpu", unified=False)


def test_groups_that_do_not_share_cores_hold_nobody(tmp_path: Path) -> None:
    mounted = shown(tmp_path, cgroup_controllers="cpuset memory\n")

    with pytest.raises(GroupsMissingError, match="expected cpu, found it not there"):
        control_groups(mounted)


def test_machine_that_lets_no_group_be_made_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(GroupsMissingError, match="no control groups to write"):
        control_groups(tmp_path)


def test_share_of_a_core_is_one_line_in_version_2(tmp_path: Path) -> None:
    group = shown(tmp_path, cpu_max="max 100000\n")

    Groups(tmp_path, unified=True).write(group, 0.25)

    assert (group / "cpu.max").read_text(encoding="ascii").split() == ["25000", "100000"]


def test_share_of_a_core_is_two_files_in_version_1(tmp_path: Path) -> None:
    group = shown(tmp_path, cpu_cfs_period_us="", cpu_cfs_quota_us="")

    Groups(tmp_path, unified=False).write(group, 0.25)

    assert (group / "cpu.cfs_period_us").read_text(encoding="ascii") == "100000"
    assert (group / "cpu.cfs_quota_us").read_text(encoding="ascii") == "25000"


@pytest.mark.system
def test_process_that_is_held_gets_no_more_than_its_share() -> None:
    try:
        hold = Hold(control_groups(), 0.2)
    except GroupsMissingError as error:
        pytest.skip(str(error))

    with held(hold) as group:
        child = subprocess.Popen(
            [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        join(group, child.pid)
        used_s, _ = child.communicate("begin\n", timeout=30)

    assert float(used_s) < 0.35
    assert not group.exists()
