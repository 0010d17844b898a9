"""Machine code kept in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from typing_extensions import override

from torghut.kernel.native.ports import CodeStore


@dataclass(slots=True, eq=False)
class MemoryCode(CodeStore):
    """Keeps everything for as long as it lives.

    Attributes:
        kept: By build and name.
    """

    kept: dict[tuple[str, str], bytes] = field(default_factory=dict)

    @override
    def read(self, build: str, name: str, /) -> bytes | None:
        return self.kept.get((build, name))

    @override
    def keep(self, build: str, name: str, body: bytes, /) -> None:
        self.kept[build, name] = body
