"""In a mount namespace of its own: fills a small disk below a database, and frees it again."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.fakes.eventlog import fill, make_block, run
from tests.support.machine.servers import open_postgres, own_server
from torghut.adapters.postgres.store import PostgresLog
from torghut.eventlog.errors import LogWriteError

BYTES = "24m"


async def until_full(log: PostgresLog) -> str:
    """Append until the log refuses, and return what was in the way."""
    while True:
        try:
            await log.append(make_block(await log.head(0), decisions=2_000))
        except LogWriteError as error:
            return str(error.obstacle)


def main() -> None:
    """Say what was in the way, and whether the log goes on once there is room."""
    with own_server() as (server, databases):
        folder = server.folder / "small"
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={BYTES}", "tmpfs", str(folder)]
        subprocess.run(mount, check=True)
        os.chown(folder, server.account.uid, server.account.gid)
        databases.do(f"CREATE TABLESPACE small LOCATION '{folder}'")
        databases.do("CREATE DATABASE tight TEMPLATE template0 TABLESPACE small")
        url = databases.of("tight")
        log = open_postgres(url)
        run(fill(log, 2, partition=1))
        sys.stdout.write(run(until_full(log)) + "\n")
        before = run(log.head(0))
        assert run(log.verify()).intact
        subprocess.run([*mount[:4], "remount,size=64m", "tmpfs", str(folder)], check=True)
        head = run(log.append(make_block(before, decisions=2_000)))
        assert head.number == before.number + 1
        assert run(log.verify()).intact
        run(log.close())
        databases.do("DROP DATABASE tight WITH (FORCE)")
        databases.do("DROP TABLESPACE small")
        subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 -- of the system
        sys.stdout.write("went on\n")


if __name__ == "__main__":
    main()
