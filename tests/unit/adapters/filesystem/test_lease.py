"""The lease in files says nothing rather than something wrong."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.fakes.clock import HandClock
from torghut.adapters.filesystem.lease import FileLease
from torghut.governance.leasing.errors import (
    LeaseLostError,
    LeaseTakenError,
    LeaseUnreadableError,
)


def lease_in(folder: Path) -> FileLease:
    """Return the lease in ``folder``."""
    return FileLease(folder / "governance", clock=HandClock(), time_to_live_ms=1000)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"type":"governance.lease.v1","epoch":-1}', b"[]"],
)
def test_file_that_says_nothing_gives_nobody_the_lease(folder: Path, body: bytes) -> None:
    held = lease_in(folder).take("one")
    (folder / "governance.json").write_bytes(body)

    with pytest.raises(LeaseUnreadableError):
        lease_in(folder).take("two")
    with pytest.raises(LeaseUnreadableError):
        lease_in(folder).renew(held)
    with pytest.raises(LeaseUnreadableError), lease_in(folder).guard(held):
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder that is not there yet."""
    return tmp_path / "artifacts"


@pytest.mark.parametrize("readable", [True, False])
def test_who_is_in_the_middle_of_a_write_is_named(folder: Path, *, readable: bool) -> None:
    held = lease_in(folder).take("halted")

    with lease_in(folder).guard(held):
        if not readable:
            (folder / "governance.json").write_bytes(b"{")
        with pytest.raises(LeaseTakenError, match="halted" if readable else "somebody") as refused:
            lease_in(folder).take("two")
    assert "who is writing" in str(refused.value)


def test_holder_whose_file_is_gone_has_lost_it(folder: Path) -> None:
    held = lease_in(folder).take("one")
    (folder / "governance.json").unlink()

    with pytest.raises(LeaseLostError):
        lease_in(folder).renew(held)


def test_lock_that_was_replaced_is_no_lock(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lease_in(folder).take("one")
    opened = os.open

    def open_then_replace(path: Path, flags: int, mode: int = 0o777) -> int:
        descriptor = opened(path, flags, mode)
        if str(path).endswith(".lock"):
            Path(path).unlink()
            Path(path).write_bytes(b"")
        return descriptor

    monkeypatch.setattr(os, "open", open_then_replace)
    with pytest.raises(LeaseTakenError, match="replaced"):
        lease_in(folder).take("two")


def test_folder_that_cannot_be_made_gives_nobody_the_lease(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(LeaseUnreadableError):
        lease_in(tmp_path / "file").take("one")
