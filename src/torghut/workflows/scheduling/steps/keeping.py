"""Files that show what is on record: one that cannot be written ends no cycle, and is said.

What governance does rests on events. A folder that nobody can write must not keep it from stopping
a loop, or from taking a candidate back; it keeps people from seeing why, and that is a remark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from typing_extensions import override

from torghut.artifacts.errors import ArtifactExistsError, ArtifactUnwritableError
from torghut.artifacts.ports import ArtifactStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping(ArtifactStore):
    """A store whose files may be missing for now, or altered: whoever examines them finds out.

    Attributes:
        store: That is written.
        faults: What could not be written, and why.
    """

    store: ArtifactStore
    faults: list[str] = field(default_factory=list)

    def keep(self, path: str, body: bytes) -> bool:
        """Return whether a file was put there, now or before, or something else stands there."""
        try:
            self.store.create(path, body)
        except ArtifactExistsError:
            return True
        except ArtifactUnwritableError as error:
            self.faults.append(f"{error.code}: {error}")
            return False
        return True

    @override
    def read(self, path: str, /) -> bytes:
        return self.store.read(path)

    @override
    def names(self, folder: str, /) -> Sequence[str]:
        return self.store.names(folder)

    @override
    def replace(self, path: str, body: bytes, /) -> None:
        self.store.replace(path, body)

    @override
    def create(self, path: str, body: bytes, /) -> None:
        self.keep(path, body)
