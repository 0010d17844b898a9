"""The composition root of logs: it opens one where it is, in a file or in a database.

What speaks to a database is an extra, and imported only when a log in one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import ClassVar, Final, TypeAlias, cast

from typing_extensions import override

from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.postgres.address import SCHEMES, Address, parse_address, with_password
from torghut.adapters.sqlite.accepting import Acceptance, accept_truncation
from torghut.adapters.sqlite.aside import set_log_aside
from torghut.adapters.sqlite.copying.contents import FileContents
from torghut.adapters.sqlite.faults import writing_to
from torghut.adapters.sqlite.heads.lines import RememberedHeads, heads_path
from torghut.adapters.sqlite.store import Access
from torghut.adapters.sqlite.store import open_log as open_file
from torghut.adapters.sqlite.store import read_log as read_file
from torghut.adapters.system.clock import RandomIds, SystemClock
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.envelopes import Causes
from torghut.eventlog.errors import LogMissingError
from torghut.eventlog.events import LossAccepted
from torghut.eventlog.ports import DecisionLog, SharedLog
from torghut.kernel.clock import IdSource
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.schemas.block import BlocksArchived
from torghut.settings import artifact_dir
from torghut.workflows.archiving import ArchivedLog, Archiving, Closed
from torghut.workflows.moving import CopiedLog, CopyDiffersError, Moved, Moving, move

__all__ = [
    "SCHEMES",
    "Address",
    "LogPlace",
    "accept_loss",
    "archive_log",
    "copy_log",
    "database_address",
    "heads_path",
    "inspected_log",
    "readable_log",
    "reopening",
    "set_log_aside",
    "shared_log",
    "upgrade_log",
    "writable_log",
]

LogPlace: TypeAlias = Path | Address
"""Where a log is: the path of a file, or the address of a database."""

HEADS: Final = "heads"
"""Folder of what databases acknowledged, below that of artifacts."""

_OPENING: Final = "torghut.adapters.postgres.opening"


@dataclass(frozen=True, slots=True)
class _OneId(IdSource):
    """Names a copy as the log that it is of."""

    name: str

    @override
    def new_id(self) -> str:
        return self.name


class DatabaseExtraMissingError(TorghutError):
    """A log in a database is asked for, and the packages for it are not installed."""

    code: ClassVar[str] = "adapters.database-extra-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, package: str) -> None:
        super().__init__(
            f"a log in PostgreSQL: expected the package {package}, found it not installed; "
            "pip install 'torghut[postgres]'"
        )
        self.package = package


class PasswordExposedError(TorghutError):
    """A password stands among the words of a command, where everybody on the machine reads it."""

    code: ClassVar[str] = "adapters.password-exposed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self) -> None:
        super().__init__(
            "expected an address without a password, found one with it; name a file in "
            "TORGHUT_DATABASE_PASSWORD_FILE or PGPASSFILE, or put it into TORGHUT_DATABASE_URL"
        )


def database_address(text: str) -> Address:
    """Return the address that was typed, with the password that the environment has for it.

    Raises:
        AddressInvalidError: It is none.
        PasswordExposedError: It says a password.
    """
    address = parse_address(text)
    if address.password is not None:
        raise PasswordExposedError
    return with_password(address)


def writable_log(place: LogPlace) -> DecisionLog:
    """Return the log at ``place``, opened for writing.

    A file and its folder are made if need be, and an empty database is laid out.

    Raises:
        TorghutError: It is in use, not durable, or not as it was written.
    """
    if isinstance(place, Address):
        return cast("DecisionLog", _open_database(place))
    with writing_to(place):
        place.parent.mkdir(parents=True, exist_ok=True)
    return open_file(place, clock=SystemClock(), ids=RandomIds())


def shared_log(address: Address) -> SharedLog:
    """Return the log in a database, opened for writing beside others who have it open.

    Raises:
        TorghutError: It is not durable, or not as it was written, or cannot be reached.
    """
    return cast("SharedLog", _open_database(address))


def readable_log(place: LogPlace) -> DecisionLog:
    """Return the log at ``place``, opened for reading, also while it is being written.

    Raises:
        TorghutError: There is none, or it is not as it was written.
    """
    if isinstance(place, Address):
        opened = _database().read_log(
            place, clock=SystemClock(), heads=_heads_folder(), artifacts=_artifacts()
        )
        return cast("DecisionLog", opened)
    return read_file(place)


def reopening(path: Path) -> Callable[[], DecisionLog]:
    """Return what opens the log at ``path`` for reading, again and again.

    Each opening costs what was appended since the one before, however long the log is.
    """
    return partial(read_file, path, remembered=RememberedHeads())


def inspected_log(place: LogPlace) -> DecisionLog:
    """Return the log at ``place``, opened to be verified, even if it would not be served.

    Raises:
        TorghutError: There is none, or it cannot be read at all.
    """
    if isinstance(place, Address):
        opened = _database().read_log(
            place,
            clock=SystemClock(),
            heads=_heads_folder(),
            artifacts=_artifacts(),
            inspect=True,
        )
        return cast("DecisionLog", opened)
    return read_file(place, access=Access.INSPECT)


async def copy_log(path: Path, address: Address, told: Callable[[str, int, int], None]) -> Moved:
    """Copy the log in a file into a database, hashes and all, and verify both.

    Raises:
        CopyDiffersError: The database holds something else, or the two do not come to the same.
        TorghutError: One of them cannot be read or written.
    """
    async with AsyncExitStack() as stack:
        source = read_file(path)
        stack.push_async_callback(source.close)
        contents = FileContents(path)
        stack.push_async_callback(contents.close)
        opened = _database().open_log(
            address,
            clock=SystemClock(),
            ids=_OneId(source.log_id),
            heads=_heads_folder(),
            artifacts=_artifacts(),
        )
        target = cast("CopiedLog", opened)
        stack.push_async_callback(target.close)
        if opened.log_id != source.log_id:
            raise CopyDiffersError(
                place=address.name, expected=f"log {source.log_id}", found=f"log {opened.log_id}"
            )
        moving = Moving(source=source, contents=contents, target=target, told=told)
        return await move(moving)


async def archive_log(
    address: Address, *, keep_blocks: int, dry_run: bool, told: Callable[[int, int], None]
) -> tuple[Sequence[Closed], Sequence[BlocksArchived]]:
    """Put closed blocks of the log in a database into files; return what might go, and what went.

    Raises:
        TorghutError: One of them is not as it was written, or a file or the log cannot be written.
    """
    log = cast("ArchivedLog", readable_log(address) if dry_run else writable_log(address))
    try:
        archiving = Archiving(log=log, keep_blocks=keep_blocks, told=told)
        plan = await archiving.plan()
        causes = Causes(correlation_id=RandomIds().new_id(), causation_id="torghut log archive")
        return plan, [] if dry_run else await archiving.run(causes)
    finally:
        await log.close()


def upgrade_log(address: Address) -> tuple[str, str]:
    """Bring the log in a database up to this version's layout; return the names before and after.

    Raises:
        TorghutError: It holds something else, or a newer layout, or cannot be written.
    """
    return cast("tuple[str, str]", _database().upgrade_log(address))


def _open_database(address: Address) -> object:
    """Return the log in a database, opened for writing; what it acknowledges is kept here too."""
    return _database().open_log(
        address,
        clock=SystemClock(),
        ids=RandomIds(),
        heads=_heads_folder(),
        artifacts=_artifacts(),
    )


def _heads_folder() -> Path:
    """Return where this machine keeps what databases acknowledged."""
    return artifact_dir() / HEADS


def _artifacts() -> ArtifactStore:
    """Return where the files of archived blocks are."""
    return FolderArtifacts(artifact_dir())


def _database() -> ModuleType:
    """Return what opens logs in databases.

    Raises:
        DatabaseExtraMissingError: Its packages are not installed.
    """
    try:
        return import_module(_OPENING)
    except ModuleNotFoundError as error:
        raise DatabaseExtraMissingError(package=str(error.name).partition(".")[0]) from error


def accept_loss(path: Path, reason: str) -> LossAccepted | None:
    """Take the log at ``path`` as it is, on the record; None if nothing was missing.

    Raises:
        LogMissingError: There is neither a log nor its heads file.
        LogIntegrityError: The log was altered, not only cut; that cannot be accepted.
        TorghutError: It is in use, or cannot be written.
    """
    if not path.exists() and not heads_path(path).exists():
        raise LogMissingError(path=str(path))
    ids = RandomIds()
    causes = Causes(correlation_id=ids.new_id(), causation_id="torghut log accept-truncation")
    return accept_truncation(
        path, Acceptance(reason=reason, causes=causes), clock=SystemClock(), ids=ids
    )
