"""What a decision rests on, as one digest in its row that is spelled out once in its block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex


@dataclass(frozen=True, slots=True, kw_only=True)
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

    @property
    def digest(self) -> str:
        """sha256 of the canonical JSON, 64 hex digits."""
        return sha256_hex(canonical_bytes(self.spelled()))


def lineage_words(digest: str) -> npt.NDArray[np.uint64]:
    """Return a digest as the four words that a row holds, shape (4,)."""
    return np.frombuffer(bytes.fromhex(digest), dtype="<u8").astype(np.uint64)
