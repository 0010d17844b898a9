"""Whether the same evaluation came out the same twice, byte for byte, arm by arm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from torghut.evals.pairing import ArmSteps, Indexes, PairedArms
from torghut.kernel.digests import sha256_hex
from torghut.schemas.rollout.evaluation import ARMS, ArmName
from torghut.schemas.rows import Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """Where two evaluations of an arm first differ.

    Attributes:
        arm: Which.
        step: The first step whose bytes differ; the shorter's length where only the lengths do.
        field: Of the step.
    """

    arm: ArmName
    step: int
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What two evaluations of the same inputs came to.

    Attributes:
        identical: Whether every byte of every arm, and of what they share, is the same.
        digests: Of the first evaluation, by arm.
        divergences: The first of each arm that differs, in the order of ``ARMS``.
        same_contexts: Whether times, symbols and regimes are the same.
    """

    identical: bool
    digests: Mapping[ArmName, str]
    divergences: tuple[Divergence, ...]
    same_contexts: bool


def arm_digest(arm: ArmSteps) -> str:
    """Return the sha256 of an arm's steps: each field's name, then its bytes, little-endian."""
    parts = [f"{name}:{len(values)}\n".encode() + _bytes(values) for name, values in _fields(arm)]
    return sha256_hex(b"".join(parts))


def reproduce(first: PairedArms, second: PairedArms) -> Reproduction:
    """Return whether ``second``, made again from the same inputs, is ``first``.

    -0 and 0 are different bytes, and so not the same.
    """
    digests = {name: arm_digest(first.arms[name]) for name in ARMS}
    differing = [name for name in ARMS if arm_digest(second.arms[name]) != digests[name]]
    same = all(
        one.tobytes() == other.tobytes()
        for one, other in zip(_shared(first), _shared(second), strict=True)
    )
    return Reproduction(
        identical=same and not differing,
        digests=digests,
        divergences=tuple(_divergence(first.arms[name], second.arms[name]) for name in differing),
        same_contexts=same,
    )


def _fields(arm: ArmSteps) -> list[tuple[str, Floats]]:
    """Return an arm's arrays by name, in a fixed order; an exposure that was not given is empty."""
    exposure = np.zeros(0) if arm.exposure is None else arm.exposure
    return [
        ("net", arm.net),
        ("cost", arm.cost),
        ("turnover", arm.turnover),
        ("exposure", exposure),
    ]


def _bytes(values: Floats) -> bytes:
    """Return the bytes of float64 numbers, little-endian."""
    return values.astype("<f8").tobytes()


def _shared(paired: PairedArms) -> list[Integers | Indexes | Floats]:
    """Return what all arms have in common."""
    return [paired.times_ns, paired.symbols, paired.regimes, paired.champion_history]


def _divergence(first: ArmSteps, second: ArmSteps) -> Divergence:
    """Return the first step and field at which two arms that differ do so."""
    found = [
        (_first_apart(one, other), name)
        for (name, one), (_, other) in zip(_fields(first), _fields(second), strict=True)
        if _bytes(one) != _bytes(other)
    ]
    step, name = min(found, key=lambda item: item[0])
    return Divergence(arm=first.name, step=step, field=name)


def _first_apart(one: Floats, other: Floats) -> int:
    """Return the first place whose bytes differ, or the shorter length."""
    shared = min(len(one), len(other))
    apart = one[:shared].view(np.uint64) != other[:shared].view(np.uint64)
    return int(np.argmax(apart)) if apart.any() else shared
