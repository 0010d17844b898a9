"""Which control records say what happened outside, and which change what may be done."""

from __future__ import annotations

from typing import Final

from torghut.schemas.control import ControlRecord
from torghut.workflows.live.access.tokens import Role

REPORTED: Final = frozenset({"fill", "order", "position", "news", "fundamentals"})
"""Kinds of control records that say what happened; all others change what may be done."""


def role_for(record: ControlRecord) -> Role:
    """Return the role that who brings a control record needs."""
    return Role.REPORT if record.kind in REPORTED else Role.OPERATE
