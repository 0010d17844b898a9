"""What the latency readings refuse; a refused reading changes nothing."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class LatencyRefusedError(TorghutError):
    """A worker's page counts what no histogram counts, or less than before; look at who writes it.

    What it counted stays unseen, and counts as slower than everything.
    """

    code: ClassVar[str] = "slo.latency-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, worker: str, expected: str, found: str) -> None:
        super().__init__(f"worker {worker}: expected {expected}, found {found[:80]}")
        self.worker = worker
        self.expected = expected
        self.found = found
