"""The versions of what renders programs, told without importing it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

LIBRARIES: Final = ("dspy",)
"""What renders a program: another version may render another."""


def libraries() -> Mapping[str, str]:
    """Return the versions of what renders programs, by name."""
    return {name: version(name) for name in LIBRARIES}
