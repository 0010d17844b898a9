"""The file by which governance says how it stands: its holder puts it, anybody reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from torghut.adapters.filesystem.lease import read_lease
from torghut.adapters.filesystem.writing import write_text
from torghut.governance.leasing.errors import LeaseUnreadableError
from torghut.schemas.live.governance import GovernanceStanding
from torghut.schemas.types import first_problem
from torghut.workflows.live.observing.governed import GovernanceSeen

_BYTES_MAX: Final = 16_384
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def put_standing(path: Path, standing: GovernanceStanding) -> None:
    """Put ``standing`` there in place of the one before; only the lease's holder may.

    Raises:
        FileWriteError: It cannot be written; what was there grows old.
    """
    write_text(path, standing.model_dump_json())


def read_governance(page: Path, lease: Path, log: Path) -> GovernanceSeen:
    """Return what is to be seen of governance without its log; whatever is wrong is said.

    Args:
        page: The file that ``put_standing`` puts.
        lease: Of both files of the lease, without their endings.
        log: Governance's own; only whether there is one.
    """
    standing, page_fault = _page(page)
    held, lease_fault = None, ""
    try:
        held = read_lease(lease)
    except LeaseUnreadableError as error:
        lease_fault = str(error)
    return GovernanceSeen(
        page=standing,
        page_fault=page_fault,
        lease=held,
        lease_fault=lease_fault,
        log_there=_is_there(log),
    )


def _page(path: Path) -> tuple[GovernanceStanding | None, str]:
    """Return the page and what is wrong with it."""
    try:
        descriptor = os.open(path, _FLAGS)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            body = file.read(_BYTES_MAX + 1)
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{path.name}: {error.strerror or error}"
    if len(body) > _BYTES_MAX:
        return None, f"{path.name}: more than {_BYTES_MAX} bytes"
    try:
        return GovernanceStanding.model_validate_json(body), ""
    except ValidationError as error:
        return None, first_problem(error).at(path.name)


def _is_there(path: Path) -> bool:
    """Say whether a file is there, as far as one may look."""
    try:
        return path.exists()
    except OSError:
        return True
