"""How grave a line of the service's own log is."""

from __future__ import annotations

from typing import Final, Literal

Level = Literal["debug", "info", "warning", "error"]

LEVELS: Final[tuple[Level, ...]] = ("debug", "info", "warning", "error")
"""From the least to the gravest."""
