"""The file by which governance says that it is there: its holder puts it, workers read it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from typing_extensions import override

from torghut.adapters.filesystem.writing import write_text
from torghut.schemas.live.governance import GovernanceBeat
from torghut.workflows.live.observing.governed import GovernanceEar

_BYTES_MAX: Final = 1024
_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class BeatFile(GovernanceEar):
    """The newest beat, as a file that is replaced whole.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @override
    def heard(self) -> GovernanceBeat | None:
        try:
            descriptor = os.open(self._path, _FLAGS)
            with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
                body = file.read(_BYTES_MAX + 1)
            return None if len(body) > _BYTES_MAX else GovernanceBeat.model_validate_json(body)
        except (OSError, ValidationError):
            return None

    def beat(self, beat: GovernanceBeat) -> None:
        """Put ``beat`` there in place of the one before; only the lease's holder may.

        Raises:
            FileWriteError: It cannot be written; workers will find governance silent.
        """
        write_text(self._path, beat.model_dump_json())
