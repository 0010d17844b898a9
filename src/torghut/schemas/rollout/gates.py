"""A gate's row: what was measured, against what, on how much, and the evidence for it."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import Field

from torghut.schemas.rollout.phases import GateId
from torghut.schemas.types import Identifier, Message, Real, SafeCount, Sha256

GateStatus = Literal["pass", "fail", "insufficient", "not-applicable"]
"""Anything but ``pass`` and ``not-applicable`` fails the phase."""

Comparator = Literal[">=", ">", "<=", "<", "=="]

Reason = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,99}$")]
"""A code: lower-case words and numbers, joined by hyphens."""

Unit = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9/%-]{0,39}$")]

SHORT_OF: Final = "n-below-"
"""Begins the reason of a gate that had too little to judge; the least ``n`` follows."""

GATE_EVIDENCE: Final = "rollout.gate-evidence.v1"
"""What a gate of the lane cites to pass: a file that says the same as its row."""

_COMPARES: Final[Mapping[Comparator, Callable[[float, float], bool]]] = MappingProxyType(
    {
        ">=": operator.ge,
        ">": operator.gt,
        "<=": operator.le,
        "<": operator.lt,
        "==": operator.eq,
    }
)


class EvidenceReference(Message):
    """A file that shows something: where it is, its bytes, and what it claims to be."""

    path: Annotated[
        str, Field(min_length=1, max_length=400, description="Below the artifact root, with /.")
    ]
    sha256: Sha256
    schema_: Identifier = Field(alias="schema", description="The type that its JSON states.")


class GateRow(Message):
    """One check of a phase."""

    id: GateId
    status: GateStatus
    value: Annotated[Real | None, Field(description="As measured; null where it was not.")]
    comparator: Annotated[Comparator | None, Field(description="Between value and threshold.")]
    threshold: Real | None
    unit: Annotated[Unit | None, Field(description="Of value and threshold.")]
    n: Annotated[SafeCount | None, Field(description="Observations behind the value.")]
    reason: Annotated[Reason | None, Field(description="Given for every status but pass.")]
    evidence: tuple[EvidenceReference, ...]


def compares(value: float, comparator: Comparator, threshold: float) -> bool:
    """Say whether ``value`` stands to ``threshold`` as ``comparator`` asks.

    Example:
        >>> compares(0.9, ">=", 0.5), compares(0.5, "<", 0.5)
        (True, False)
    """
    return _COMPARES[comparator](value, threshold)
