"""A process that wants the lease again and again, and writes what it should be alone to write."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from torghut.adapters.filesystem.lease import FileLease
from torghut.adapters.system.clock import SystemClock
from torghut.governance.leasing.errors import LeaseLostError, LeaseTakenError


def main(folder: Path, writes: int) -> None:
    """Write ``writes`` lines in pairs; nobody else's line may come between the two of a pair."""
    lease = FileLease(folder / "governance", clock=SystemClock(), time_to_live_ms=20)
    me = f"process-{os.getpid()}"
    done = 0
    while done < writes:
        try:
            held = lease.take(me)
            with lease.guard(held), (folder / "written").open("ab", buffering=0) as file:
                for _ in range(2):
                    file.write(f"{held.epoch} {me}\n".encode())
            done += 1
            lease.release(held)
        except (LeaseTakenError, LeaseLostError):
            continue


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
