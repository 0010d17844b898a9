"""Advice as a look at a loop may show it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.fakes.governance import UNASKED
from torghut.schemas.reasoning.standing import AdviceRollback
from torghut.schemas.scheduling.advice import AdviceCounts
from torghut.workflows.scheduling.ports import AdviceSeen

OFF: Final = AdviceSeen(
    mode="off",
    least="off",
    deterministic_only=False,
    block=0,
    changed=(),
    modes=(),
    counts=AdviceCounts(
        slow=0,
        asked=0,
        resolved={},
        superseded=0,
        unasked={},
        shadowed={},
        unanswered_ratio=UNASKED,
    ),
    rollback=None,
)
"""Nobody ever put it in force."""

ACTIVE: Final = replace(OFF, mode="active", least="active", block=7, modes=((0, "active"),))
"""It counts, since the beginning."""

ROLLED_BACK: Final = replace(
    ACTIVE,
    deterministic_only=True,
    rollback=AdviceRollback(
        control_id="switch:deterministic-only:t:thrown",
        reason="it contradicts itself",
        at_ns=1_000_000_000,
        fell_back_ns=1_400_000_000,
        recovery_ns=400_000_000,
        advised_since=0,
    ),
)
"""The switch was thrown, and the first decision has fallen back."""
