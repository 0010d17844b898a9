"""What a verdict on drift is called in a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from torghut.schemas.rollout.run import DriftStatus

_CALLED: Final[Mapping[str, DriftStatus]] = MappingProxyType(
    {"stable": "stable", "drifted": "detected", "unhealthy": "unhealthy"}
)


def status_called(
    status: Literal["stable", "drifted", "unhealthy"], *, withheld: bool
) -> DriftStatus:
    """Return what a verdict is called; drift whose action rests is in cooldown, and still drift.

    Args:
        status: Of the verdict.
        withheld: Whether the action that it asked for rests.

    Example:
        >>> status_called("drifted", withheld=False), status_called("drifted", withheld=True)
        ('detected', 'cooldown')
    """
    return "cooldown" if status == "drifted" and withheld else _CALLED[status]
