"""What the demo says where a step does not come to what it must."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError


class DemoFailedError(TorghutError):
    """A step of the demo did not come to what it must; the message says which, and what it said."""

    code: ClassVar[str] = "cli.demo-failed"
    exit_code: ClassVar[ExitCode] = ExitCode.DISAGREES

    def __init__(self, *, step: str, found: str) -> None:
        super().__init__(f"{step}: {found}")
        self.step = step
        self.found = found
