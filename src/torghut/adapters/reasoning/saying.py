"""What the process that asks says of itself, one JSON line each on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping

from typing_extensions import override

from torghut.workflows.reasoning.ports import AskingWitness


class AskingLines(AskingWitness):
    """Writes down each change of the breaker's state, and each record that was not kept."""

    @override
    def changed(self, before: str, after: str, code: str) -> None:
        _say({"event": "breaker-changed", "before": before, "after": after, "code": code})

    @override
    def unkept(self, context_id: str, fault: Exception) -> None:
        _say({"event": "advice-unkept", "context_id": context_id, "found": str(fault)})

    @override
    def unread(self, source: str, found: str) -> None:
        _say({"event": "passages-unread", "source": source, "found": found})

    @override
    def failed(self, context_id: str, defect: Exception) -> None:
        _say({"event": "advice-defect", "context_id": context_id, "found": type(defect).__name__})


def _say(said: Mapping[str, str]) -> None:
    """Write one line."""
    sys.stderr.write(f"{json.dumps(said)}\n")
