"""What a look at the exposure ladder refuses; a refused look changes nothing."""

from __future__ import annotations

from typing import ClassVar

from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.times import instant


class ReviewTimeError(TorghutError):
    """A person looks at the ladder at another time than now; leave ``--at`` away."""

    code: ClassVar[str] = "exposure.time-refused"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, earliest_ns: int, now_ns: int, found_ns: int) -> None:
        super().__init__(
            f"expected a time from {instant(earliest_ns)}, which is no longer ago than a window "
            f"counts and no earlier than the last look, to {instant(now_ns)}, which is now, found "
            f"{instant(found_ns)}; leave --at away to look as things stand"
        )
        self.earliest_ns = earliest_ns
        self.now_ns = now_ns
        self.found_ns = found_ns
