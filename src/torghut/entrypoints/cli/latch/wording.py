"""What to type about the stop latch, the same wherever it is said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

SHOW: Final = "torghut latch show"
"""What says everything about the latch."""


def release_command(incident_id: str, triggers: Sequence[str]) -> str:
    """Return the command that releases an incident with all its triggers.

    Example:
        >>> release_command("incident-ab", ["drawdown"])
        'torghut latch release incident-ab --trigger drawdown --reason TEXT --key FILE'
    """
    named = " ".join(f"--trigger {one}" for one in triggers)
    return f"torghut latch release {incident_id} {named} --reason TEXT --key FILE"
