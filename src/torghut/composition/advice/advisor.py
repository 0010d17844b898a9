"""The way from a loop to the process that asks for advice."""

from __future__ import annotations

from pathlib import Path

from torghut.adapters.reasoning.inquiring import SocketAdvisor
from torghut.schemas.observing.catalogue import REASONING_CONNECTED, REASONING_TOKENS
from torghut.workflows.live.observing.telemetry import Telemetry


def advisor_at(socket: Path, telemetry: Telemetry) -> SocketAdvisor:
    """Return the way to whoever listens on a socket, to be run.

    Figures say whether they do, and what that cost.
    """
    return SocketAdvisor(
        socket,
        connected=lambda is_so: telemetry.put(REASONING_CONNECTED, float(is_so)),
        spent=lambda tokens: telemetry.count(REASONING_TOKENS, tokens),
    )
