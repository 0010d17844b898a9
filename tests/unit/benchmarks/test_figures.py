"""The arithmetic of figures: rates, ratios, goals, verdicts."""

from __future__ import annotations

import pytest

from benchmarks.figures import (
    Comparison,
    Cost,
    Goal,
    Line,
    Quantity,
    Skipped,
    Verdict,
    cpu_rate,
    exit_status,
    flatness,
    is_noisy,
    paired_ratio,
    percentile,
    rate_line,
    spread,
)


def cost(cpu_s: float, wall_s: float = 1.0, count: int = 100) -> Cost:
    return Cost(count=count, cpu_s=cpu_s, wall_s=wall_s)


def line(cpu: float | None, *goals: Goal) -> Line:
    return Line(measurement="m", unit="u", cpu=cpu, goals=goals)


AT_LEAST_2 = Goal(quantity=Quantity.CPU, least=2.0)
AT_MOST_3 = Goal(quantity=Quantity.CPU, most=3.0)
AIM_5 = Goal(quantity=Quantity.CPU, least=5.0, required=False)


def test_rate_is_units_per_second() -> None:
    assert cpu_rate(cost(0.5)) == 200.0


def test_ratio_is_the_median_over_rounds_of_the_ratio_in_each() -> None:
    ours, theirs = [cost(1.0), cost(4.0), cost(1.0)], [cost(2.0), cost(8.0), cost(3.0)]

    assert paired_ratio(ours, theirs, cpu_rate) == 2.0


def test_costs_of_other_rounds_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        paired_ratio([cost(1.0)], [], cpu_rate)


def test_line_of_a_rate_has_medians_and_ratios() -> None:
    found = rate_line(
        "m",
        "rows",
        Comparison(
            ours=[cost(1.0, 2.0), cost(2.0, 4.0), cost(4.0, 8.0)],
            theirs=[cost(2.0, 2.0), cost(4.0, 4.0), cost(8.0, 8.0)],
            baseline="b",
        ),
    )

    assert (found.cpu, found.wall, found.unit) == (50.0, 25.0, "rows/s")
    assert (found.cpu_ratio, found.wall_ratio) == (2.0, 1.0)
    assert found.spread_ratio == pytest.approx((75.0 - 37.5) / 50.0)


def test_line_without_a_baseline_has_no_ratio() -> None:
    found = rate_line("m", "rows", Comparison(ours=[cost(1.0)]))

    assert (found.cpu_ratio, found.wall_ratio) == (None, None)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (line(9.0), Verdict.NO_GOAL),
        (line(2.0, AT_LEAST_2), Verdict.MET),
        (line(1.9, AT_LEAST_2), Verdict.MISSED),
        (line(3.0, AT_MOST_3), Verdict.MET),
        (line(3.1, AT_MOST_3), Verdict.MISSED),
        (line(4.0, AT_LEAST_2, AIM_5), Verdict.AIM_MISSED),
        (line(1.0, AT_LEAST_2, AIM_5), Verdict.MISSED),
        (line(5.0, AT_LEAST_2, AIM_5), Verdict.MET),
        (line(None, AT_LEAST_2), Verdict.MISSED),
        (line(float("nan"), AT_LEAST_2), Verdict.MISSED),
        (line(float("nan"), AT_MOST_3), Verdict.MISSED),
    ],
)
def test_verdict_follows_from_the_goals(found: Line, verdict: Verdict) -> None:
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        (Quantity.CPU, 1.0),
        (Quantity.WALL, 2.0),
        (Quantity.CPU_RATIO, 3.0),
        (Quantity.WALL_RATIO, 4.0),
    ],
)
def test_goal_is_about_the_figure_it_names(quantity: Quantity, expected: float) -> None:
    found = Line(measurement="m", unit="u", cpu=1.0, wall=2.0, cpu_ratio=3.0, wall_ratio=4.0)

    assert found.figure(quantity) == expected


@pytest.mark.parametrize(("least", "most"), [(None, None), (1.0, 2.0)])
def test_goal_has_exactly_one_bound(least: float | None, most: float | None) -> None:
    with pytest.raises(ValueError, match="one bound"):
        Goal(quantity=Quantity.CPU, least=least, most=most)


@pytest.mark.parametrize(("count", "wall_s"), [(0, 1.0), (1, 0.0), (1, float("nan"))])
def test_work_that_took_no_time_has_no_rate(count: int, wall_s: float) -> None:
    with pytest.raises(ValueError, match="took time"):
        Cost(count=count, cpu_s=1.0, wall_s=wall_s)


def test_only_a_missed_required_goal_fails_the_run() -> None:
    skipped = Skipped(measurement="m", reason="no data")

    assert exit_status([skipped, line(1.0), line(4.0, AT_LEAST_2, AIM_5)]) == 0
    assert exit_status([line(2.0, AT_LEAST_2), line(1.0, AT_LEAST_2)]) == 1


@pytest.mark.parametrize(("share", "expected"), [(0.25, 1.0), (0.5, 2.0), (0.51, 3.0), (1.0, 4.0)])
def test_percentile_is_one_of_the_figures(share: float, expected: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], share) == expected


@pytest.mark.parametrize(("figures", "share"), [([], 0.5), ([1.0], 0.0), ([1.0], 1.1)])
def test_percentile_of_nothing_is_refused(figures: list[float], share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        percentile(figures, share)


def test_flat_means_one() -> None:
    assert flatness([5.0, 5.0]) == 1.0
    assert flatness([2.0, 4.0, 3.0]) == 2.0


@pytest.mark.parametrize(
    ("figures", "apart"),
    [
        ([3.0], 0.0),
        ([4.0, 4.0], 0.0),
        ([1.0, 2.0, 3.0], 0.5),
        ([0.1, 9.0, 10.0, 11.0, 99.0], 0.2),
    ],
)
def test_spread_is_that_of_the_middle_half_over_the_median(
    figures: list[float], apart: float
) -> None:
    assert spread(figures) == pytest.approx(apart)


@pytest.mark.parametrize("apart", [None, 0.2])
def test_figure_whose_rounds_lie_together_is_not_noisy(apart: float | None) -> None:
    assert not is_noisy(Line(measurement="m", unit="u", spread_ratio=apart))


def test_figure_whose_rounds_lie_far_apart_is_noisy() -> None:
    assert is_noisy(Line(measurement="m", unit="u", spread_ratio=0.21))


def test_missed_goals_are_named() -> None:
    assert line(2.5, AT_LEAST_2, AT_MOST_3, AIM_5).missed == (AIM_5,)
