"""What a decision rests on, as one digest in its row that is spelled out once in its block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """Everything besides context and state that one symbol's decisions depend on.

    Attributes:
        arm: ``serving``, or the name of a shadow.
        kernel_version: The declared version of the kernel.
        declarations: Digest of the declarations in force.
        package: Digest of the router package; empty without one.
        control: Digest of the last control record applied; empty before the first.
    """

    arm: str
    kernel_version: int
    declarations: str
    package: str
    control: str

    def spelled(self) -> dict[str, str | int]:
        """Return the lineage as it is written into blocks and hashed."""
        return {
            "arm": self.arm,
            "control": self.control,
            "declarations": self.declarations,
            "kernel_version": self.kernel_version,
            "package": self.package,
        }

    @cached_property
    def digest(self) -> str:
        """sha256 of the canonical JSON, 64 hex digits."""
        return sha256_hex(canonical_bytes(self.spelled()))


@dataclass(slots=True, kw_only=True)
class Lineages:
    """The lineages of each symbol's next decision, one of each arm, by digest."""

    _current: dict[int, dict[str, Lineage]] = field(default_factory=dict)

    def renew(self, symbol: int, lineage: Lineage) -> npt.NDArray[np.uint64]:
        """Let the next decision of ``symbol`` in an arm rest on ``lineage``; return its words."""
        digest, known = lineage.digest, self._current.get(symbol, {})
        others = {key: one for key, one in known.items() if one.arm != lineage.arm}
        self._current[symbol] = {**others, digest: lineage}
        return lineage_words(digest)

    def of(self, symbol: int) -> Mapping[str, Lineage]:
        """Return what the next decisions of ``symbol`` rest on."""
        return self._current[symbol]


def lineage_words(digest: str) -> npt.NDArray[np.uint64]:
    """Return a digest as the four words that a row holds, shape (4,)."""
    return np.frombuffer(bytes.fromhex(digest), dtype="<u8").astype(np.uint64)
