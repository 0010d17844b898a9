"""A private PostgreSQL: own data, own unix socket, durable as in production, gone when stopped.

It listens on a unix socket in its own folder and nowhere else, so nobody needs a password or a
free port. PostgreSQL refuses to run as root: there it runs as another user, and the folder is
theirs. It ends with the process that started it, also where that is killed.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

START_BUDGET_S: Final = 30.0
"""Longest wait for a server to answer after it was started, recovery included."""

STOP_BUDGET_S: Final = 15.0
"""Longest wait for a server to end after it was asked to."""

_USERS: Final = ("postgres", "nobody")
_POLL_S: Final = 0.05
_SUPERUSER: Final = "torghut"
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "min_wal_size": "1GB",
    "autovacuum_naptime": "10s",
}


class DatabaseServerError(RuntimeError):
    """PostgreSQL is not installed, or did not start or stop within its budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user that the server runs as.

    Attributes:
        changes: Whether that is another user than this process's.
    """

    uid: int
    gid: int
    changes: bool


@dataclass(slots=True, kw_only=True)
class DatabaseServer:
    """One server with its folder; made by ``database_server``.

    Attributes:
        folder: Holds data, socket and what the server says.
        programs: Folder of its programs.
        settings: Beyond those that every server here has.
    """

    folder: Path
    programs: Path
    account: Account
    settings: dict[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None
    # The system ends a server with the thread that started it: this one lives as long as we do.
    _starter: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=1))

    @property
    def pid(self) -> int:
        """Return the process id of the running server."""
        if self._process is None:
            message = "the server does not run"
            raise DatabaseServerError(message)
        return self._process.pid

    @property
    def pids(self) -> Sequence[int]:
        """Return the process ids of the running server and of everything that works for it."""
        return self.pid, *_children(self.pid)

    def url(self, database: str = "postgres") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://{_SUPERUSER}@/{database}?host={self.folder}"

    def initialise(self) -> None:
        """Make its data folder."""
        self._run(
            "initdb",
            *("--pgdata", str(self.folder / "data"), "--username", _SUPERUSER),
            *("--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"),
        )

    def start(self, *, budget_s: float = START_BUDGET_S) -> None:
        """Start it and wait until it answers; what a killed one left behind is waited for.

        Raises:
            DatabaseServerError: It does not answer within the budget.
        """
        deadline = time.monotonic() + budget_s
        while not self._answers():
            if self._process is None or self._process.poll() is not None:
                self._process = self._starter.submit(self._spawn).result()
            if time.monotonic() > deadline:
                self.kill()
                raise DatabaseServerError(self._complaint(f"did not answer in {budget_s:g} s"))
            time.sleep(_POLL_S)

    def stop(self, *, budget_s: float = STOP_BUDGET_S) -> None:
        """Ask it to end at once, sessions and all, and wait until it has.

        Raises:
            DatabaseServerError: It did not within the budget, and was killed.
        """
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGINT)
        try:
            process.wait(budget_s)
        except subprocess.TimeoutExpired:
            self._process = process
            self.kill()
            message = self._complaint(f"did not end in {budget_s:g} s")
            raise DatabaseServerError(message) from None

    def kill(self) -> None:
        """Kill it and everything that works for it, as a power cut would, the disk excepted."""
        if self._process is None:
            return
        pids, process, self._process = self.pids, self._process, None
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(STOP_BUDGET_S)

    def forget(self) -> None:
        """Let go of what starts it; it is not started again."""
        self._starter.shutdown()

    def _answers(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            return False
        asked = [str(self.programs / "pg_isready"), "--quiet", "--host", str(self.folder)]
        asked += ["--username", _SUPERUSER]
        return subprocess.run(asked, check=False).returncode == 0

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start its first process, which runs as the server's user and ends with this one."""
        settings = _SETTINGS | {"unix_socket_directories": str(self.folder)} | self.settings
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data"), *options]
        with (self.folder / "server.log").open("ab") as log:
            return subprocess.Popen(
                [*_ends_with_us(), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for whoever started it
                user=self.account.uid if self.account.changes else None,
                group=self.account.gid if self.account.changes else None,
                extra_groups=() if self.account.changes else None,
                cwd=self.folder,
            )

    def _run(self, program: str, *options: str) -> None:
        """Run one of its programs as its user.

        Raises:
            DatabaseServerError: It failed.
        """
        done = subprocess.run(
            [str(self.programs / program), *options],
            check=False,
            capture_output=True,
            text=True,
            user=self.account.uid if self.account.changes else None,
            group=self.account.gid if self.account.changes else None,
            extra_groups=() if self.account.changes else None,
            cwd=self.folder,
        )
        if done.returncode:
            message = f"{program}: expected exit code 0, found {done.returncode}: {done.stderr}"
            raise DatabaseServerError(message)

    def _complaint(self, what: str) -> str:
        """Return what went wrong, with the last words of the server."""
        log = self.folder / "server.log"
        said = log.read_text(errors="replace")[-1000:] if log.exists() else ""
        return f"PostgreSQL {what}; it said: {said or 'nothing'}"


def programs_folder() -> Path | None:
    """Return the folder of PostgreSQL's programs, the newest version's; None without any."""
    found = shutil.which("postgres")
    if found is not None:
        return Path(found).resolve().parent
    versions = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    return versions[-1].parent if versions else None


@contextmanager
def database_server(**settings: str) -> Iterator[DatabaseServer]:
    """Give a running server with an empty data folder; afterwards nothing is left of it.

    Args:
        settings: Of the server, by their names there.

    Raises:
        DatabaseServerError: PostgreSQL is not installed, or does not start.
    """
    programs = programs_folder()
    if programs is None:
        message = "expected PostgreSQL, found none; install the system package postgresql"
        raise DatabaseServerError(message)
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="torghut-postgres-"))
    try:
        if account.changes:
            os.chown(folder, account.uid, account.gid)
        server = DatabaseServer(
            folder=folder, programs=programs, account=account, settings=settings
        )
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop()
            server.forget()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def serving(*options: str) -> AbstractContextManager[str]:
    """Give the address of a private server's database.

    Raises:
        ValueError: There are options, of which it has none.
    """
    if options:
        message = f"expected nothing more, found {' '.join(options)}"
        raise ValueError(message)
    return _served()


@contextmanager
def _served() -> Iterator[str]:
    """Run a server until the end of the block."""
    with database_server() as server:
        yield f"TORGHUT_DATABASE_URL={server.url()}"


def _account() -> Account:
    """Return the user that the server may run as: never root."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), changes=False)
    for name in _USERS:
        with suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(uid=entry.pw_uid, gid=entry.pw_gid, changes=True)
    message = f"PostgreSQL refuses to run as root: expected one of the users {', '.join(_USERS)}"
    raise DatabaseServerError(message)


def _ends_with_us() -> Sequence[str]:
    """Return what stops the server where whoever started it ends without a word."""
    found = shutil.which("setpriv")
    return [] if found is None else [found, "--pdeathsig", "INT", "--"]


def _children(pid: int) -> Sequence[int]:
    """Return the processes whose parent is ``pid``."""
    found: list[int] = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[1]) == pid:
                found.append(int(status.parent.name))
    return found
