"""What the process that asks says of itself, one JSON line each on standard error."""

from __future__ import annotations

import json
import sys

from typing_extensions import override

from torghut.workflows.reasoning.ports import BreakerWitness


class BreakerLines(BreakerWitness):
    """Writes down each change of the breaker's state."""

    @override
    def changed(self, before: str, after: str, code: str) -> None:
        said = {"event": "breaker-changed", "before": before, "after": after, "code": code}
        sys.stderr.write(f"{json.dumps(said)}\n")
