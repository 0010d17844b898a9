"""What a line of the service's own log is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torghut.schemas.observing.levels import Level

FieldValue = str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """Something that happened to the service."""

    name: ClassVar[str]
    level: ClassVar[Level]
