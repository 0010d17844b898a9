"""Two evaluations are the same in every byte, or it is said where they part."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.support.lane.evaluating import arm, paired
from torghut.evals.pairing import PairedArms
from torghut.evals.reproducing import Divergence, arm_digest, reproduce
from torghut.schemas.rollout.evaluation import ARMS
from torghut.schemas.rows import Floats


def arms(candidate: Floats, exposure: float | None = 1.0) -> PairedArms:
    """Return arms of which only the candidate changes."""
    return paired(arm("candidate", candidate, exposure), np.arange(6.0))


def test_same_bytes_are_identical() -> None:
    found = reproduce(arms(np.arange(6.0)), arms(np.arange(6.0)))

    assert (found.identical, found.divergences, found.same_contexts) == (True, (), True)
    assert list(found.digests) == list(ARMS)


def test_first_step_that_differs_is_named() -> None:
    other = np.arange(6.0)
    other[3:] = np.nextafter(other[3:], 10.0)

    found = reproduce(arms(np.arange(6.0)), arms(other))

    assert not found.identical
    assert found.divergences == (Divergence(arm="candidate", step=3, field="net"),)


def test_minus_zero_is_another_byte() -> None:
    assert not reproduce(arms(np.zeros(6)), arms(-np.zeros(6))).identical


def test_exposure_counts_too() -> None:
    found = reproduce(arms(np.zeros(6)), arms(np.zeros(6), 2.0))

    assert found.divergences == (Divergence(arm="candidate", step=0, field="exposure"),)
    assert not reproduce(arms(np.zeros(6)), arms(np.zeros(6), None)).identical


def test_other_length_differs_where_the_shorter_ends() -> None:
    longer = paired(np.arange(7.0), np.arange(7.0))

    found = reproduce(paired(np.arange(6.0), np.arange(6.0)), longer)

    assert not found.identical
    assert not found.same_contexts
    assert found.divergences[0].step == 6


def test_other_contexts_are_not_the_same_evaluation() -> None:
    first = arms(np.zeros(6))

    found = reproduce(first, replace(first, times_ns=first.times_ns + 1))

    assert (found.identical, found.divergences, found.same_contexts) == (False, (), False)


def test_digest_is_of_all_fields_and_of_no_name() -> None:
    one, other = arm("candidate", np.ones(3)), arm("champion", np.ones(3))

    assert arm_digest(one) == arm_digest(other)
    assert arm_digest(one) != arm_digest(replace(one, cost=np.ones(3)))
