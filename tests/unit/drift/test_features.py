"""A stream alarms when it has changed, and not for its volatility or dependence alone."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from tests.support.decisions.series import autoregressive, clustering
from tests.support.governance.governing import drift_policy
from torghut.drift.features import FeatureStream, Moving, feature_drift
from torghut.schemas.declarations.safety import DriftDetectors
from torghut.schemas.rows import Floats

SHIPPED = drift_policy().detectors
OFTEN = DriftDetectors.model_validate({**dict(SHIPPED), "false_alarms_per_sample": 1e-4})
"""With false alarms often enough to be counted."""

Make = Callable[[np.random.Generator, int], Floats]
SERIES: dict[str, Make] = {
    "independent": lambda generator, count: generator.standard_normal(count),
    "autoregressive": lambda generator, count: autoregressive(generator, count, 0.5),
    "clustering": clustering,
}


def stream(name: str = "a return", *, centred: bool = False) -> FeatureStream:
    """Return a stream of which nothing was seen yet."""
    moving = Moving(half_life=SHIPPED.half_life_samples, centred=centred)
    return FeatureStream(name=name, moving=moving)


def watched(values: Floats, learnt: int, detectors: DriftDetectors = SHIPPED) -> FeatureStream:
    """Return a stream that learnt from the first values and watched the others."""
    found = stream()
    found.learn(values[:learnt], detectors)
    found.watch(values[learnt:], detectors)
    return found


def alarms(make: Make, *, streams: int, seed: int, detectors: DriftDetectors) -> int:
    """Return how many streams alarmed that had not changed: 2,000 learnt, 2,000 watched."""
    generator = np.random.Generator(np.random.PCG64(seed))
    found = [watched(make(generator, 4000), 2000, detectors) for _ in range(streams)]
    return sum(1 for one in found if one.alarmed)


@pytest.mark.parametrize("name", SERIES)
def test_unchanged_streams_alarm_no_more_than_the_budget_allows(name: str) -> None:
    # 30 streams of 2,000 values at one false alarm in 10,000: 6 are allowed for on average, and
    # more than 11 in less than 2 runs of 100.
    assert alarms(SERIES[name], streams=30, seed=5, detectors=OFTEN) <= 11


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("rate", [1e-4, 1e-5])
def test_unchanged_streams_keep_the_budget_in_the_long_run(name: str, rate: float) -> None:
    streams = 400
    detectors = DriftDetectors.model_validate({**dict(SHIPPED), "false_alarms_per_sample": rate})

    found = alarms(SERIES[name], streams=streams, seed=11, detectors=detectors)

    allowed = streams * (1.0 - math.exp(-rate * 2000))
    assert found <= allowed + 3.0 * math.sqrt(allowed)


@pytest.mark.parametrize("name", SERIES)
@pytest.mark.parametrize("shift", [2.0, -2.0])
def test_lasting_shift_of_the_level_is_seen_within_a_hundred_values(
    name: str, shift: float
) -> None:
    generator = np.random.Generator(np.random.PCG64(8))
    values = SERIES[name](generator, 2600)
    values[2500:] += shift

    # The squares of a shifted stream grow too, so either sum may be the first to tell.
    assert watched(values, 2500).alarmed in {"level up", "level down", "spread up"}


def test_volatility_that_jumps_is_seen_as_spread() -> None:
    generator = np.random.Generator(np.random.PCG64(9))
    values = generator.standard_normal(2600)
    values[2500:] *= 6.0

    assert watched(values, 2500).alarmed.startswith("spread up")


def test_volatility_that_grows_slowly_is_not() -> None:
    generator = np.random.Generator(np.random.PCG64(10))
    values = generator.standard_normal(4000) * np.geomspace(1.0, 3.0, 4000)

    assert watched(values, 2000).alarmed == ""


def test_scale_of_a_stream_does_not_matter() -> None:
    generator = np.random.Generator(np.random.PCG64(12))
    values = generator.standard_normal(3000)

    small, large = watched(values * 1e-6, 2000), watched(values * 1e6, 2000)

    assert small.sums == pytest.approx(large.sums, rel=1e-6)


def test_blocks_cut_elsewhere_give_the_same() -> None:
    generator = np.random.Generator(np.random.PCG64(13))
    values = autoregressive(generator, 3000, 0.3)
    whole, cut = watched(values, 2000), stream()

    for piece in np.array_split(values[:2000], 17):
        cut.learn(piece, SHIPPED)
    for piece in np.array_split(values[2000:], 23):
        cut.watch(piece, SHIPPED)

    assert cut.sums == pytest.approx(whole.sums, abs=1e-6)
    assert cut.watched == whole.watched


@pytest.mark.parametrize("learnt", [0, 1, 999])
def test_reference_too_short_is_not_watched(learnt: int) -> None:
    values = np.random.Generator(np.random.PCG64(14)).standard_normal(1100)

    assert watched(values, learnt).watched == 0


def test_stream_that_stands_still_is_not_watched() -> None:
    assert watched(np.ones(3000), 2000).watched == 0


def test_stream_that_wakes_up_has_no_number_for_its_first_value() -> None:
    values = np.concatenate([np.zeros(50), np.random.Generator(np.random.PCG64(15)).normal(size=9)])

    found = Moving(half_life=20, centred=True).standardised(values)

    assert np.isfinite(found[51:]).all()
    assert np.isnan(found[:51]).all()


def test_drift_is_a_quorum_and_one_alarm_is_not() -> None:
    generator = np.random.Generator(np.random.PCG64(16))
    calm = generator.standard_normal(2600)
    moved = calm.copy()
    moved[2500:] += 3.0

    one = feature_drift([watched(v, 2500) for v in (moved, calm, calm)], SHIPPED)
    two = feature_drift([watched(v, 2500) for v in (moved, moved, calm)], SHIPPED)

    assert one.reading.value == pytest.approx(1 / 3)
    assert two.reading.value == pytest.approx(2 / 3)
    assert (one.beyond, two.beyond) == (False, True)
    assert two.says == "a return level up, a return level up"


def test_more_alarms_than_can_be_named_are_counted() -> None:
    generator = np.random.Generator(np.random.PCG64(17))
    moved = generator.standard_normal(2600)
    moved[2500:] += 3.0

    found = feature_drift([watched(moved, 2500) for _ in range(8)], SHIPPED)

    assert found.says.endswith("and 2 more")


def test_without_a_watched_stream_nothing_is_known() -> None:
    found = feature_drift([stream()], SHIPPED)

    assert (found.reading.status, found.beyond) == ("missing", False)
