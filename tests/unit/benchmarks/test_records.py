"""What a run measured: kept as JSON, printed with its misses last, shown as a page."""

from __future__ import annotations

import re
from typing import Final

import pytest
from pydantic import ValidationError

from benchmarks.figures import Goal, Line, Quantity, Skipped
from benchmarks.records import RECORDED, Group, Record, read_record, record_json
from benchmarks.summary import summary
from benchmarks.words import figures, goals, misses, ratios, shown
from docs.reference.benchmarks import PAGE, benchmarks_page, record_page

MET: Final = Line(
    measurement="short step",
    unit="us",
    wall=12.0,
    goals=(Goal(quantity=Quantity.WALL, most=15.0),),
)
MISSED: Final = Line(
    measurement="whole | run",
    unit="ticks/s",
    cpu=255_803.4,
    wall=131_703.0,
    baseline="another engine",
    cpu_ratio=1.947,
    goals=(Goal(quantity=Quantity.CPU_RATIO, least=2.0),),
    spread_ratio=0.5,
    note="durable",
)
SHORT: Final = Line(
    measurement="block",
    unit="decisions/s",
    cpu=200_000.0,
    goals=(
        Goal(quantity=Quantity.CPU, least=150_000.0),
        Goal(quantity=Quantity.CPU, least=250_000.0, required=False),
    ),
)
SKIPPED: Final = Skipped(measurement="decoding", reason="no folder of ticks")


def record(*results: Line | Skipped, quick: bool = False) -> Record:
    return Record(
        measured_on="2014-05-02",
        commit="0123456789ab",
        rounds=11,
        quick=quick,
        machine={"processor": "a fast one", "cores": "2"},
        versions={"python": "3.11.7"},
        groups=(Group(name="run", about="a whole run", results=results),),
    )


EVERYTHING: Final = record(MET, MISSED, SHORT, SKIPPED)


def test_record_reads_back_as_it_was() -> None:
    assert read_record(record_json(EVERYTHING)) == EVERYTHING


@pytest.mark.parametrize("text", ["", "{}", record_json(EVERYTHING).replace('"unit"', '"units"')])
def test_other_texts_are_no_record(text: str) -> None:
    with pytest.raises(ValidationError):
        read_record(text)


def test_misses_are_those_of_goals_and_of_aims() -> None:
    assert EVERYTHING.missed == (MISSED, SHORT)


@pytest.mark.parametrize(
    ("figure", "text"),
    [(None, ""), (0.07512, "0.0751"), (12.0, "12"), (99.96, "100"), (255_803.4, "255,803")],
)
def test_number_has_the_digits_that_matter(figure: float | None, text: str) -> None:
    assert shown(figure) == text


def test_goals_are_told_with_their_units() -> None:
    assert goals(MET) == "≤ 15 us"
    assert goals(MISSED) == "CPU ratio ≥ 2"
    assert goals(SHORT) == "CPU ≥ 150,000 decisions/s, CPU ≥ 250,000 decisions/s (aim)"


def test_miss_is_told_with_what_was_found() -> None:
    assert misses(MISSED) == "CPU ratio ≥ 2: 1.95"
    assert misses(SHORT) == "CPU ≥ 250,000 decisions/s (aim): 200,000"


def test_noisy_figure_is_marked_once() -> None:
    alone = Line(measurement="m", unit="s", wall=1.0, spread_ratio=0.3)

    assert figures(MISSED) == ("~255,803 ticks/s", "131,703 ticks/s")
    assert figures(alone) == ("", "~1 s")
    assert figures(MET) == ("", "12 us")


def test_absent_ratio_is_a_dash_beside_the_other_one() -> None:
    assert (ratios(MET), ratios(MISSED)) == ("", "1.95 / -")


def test_summary_tells_figure_baseline_goal_and_note() -> None:
    lines = list(summary(EVERYTHING))

    assert lines[lines.index("  ✗ whole | run") + 1 :][:4] == [
        "      CPU ~255,803 ticks/s, wall 131,703 ticks/s",
        "      ratio CPU / wall: 1.95 / -, to another engine",
        "      goal: CPU ratio ≥ 2",
        "      durable",
    ]
    assert lines[lines.index("  ✓ short step") + 1 :][:2] == ["      12 us", "      goal: ≤ 15 us"]


def test_summary_ends_with_skips_misses_and_their_number() -> None:
    assert list(summary(EVERYTHING))[-4:] == [
        "skipped: decoding: no folder of ticks",
        "✗ whole | run: CPU ratio ≥ 2: 1.95",
        "✓ (aim missed) block: CPU ≥ 250,000 decisions/s (aim): 200,000",
        "3 figures, 3 of them with goals: 1 missed, 1 short of an aim; 1 skipped",
    ]


def test_page_shows_misses_first_and_as_plainly_as_hits() -> None:
    page = record_page(EVERYTHING)

    assert page.index("- **missed**: whole | run: CPU ratio ≥ 2: 1.95\n") < page.index("## How")
    assert page.index("- **aim missed**: block: ") < page.index("- not measured: decoding: ")
    assert r"| whole \| run | ~255,803 ticks/s | 131,703 ticks/s | 1.95 / - |" in page
    assert "| short step |  | 12 us |  | ≤ 15 us | met |\n" in page


def test_page_without_a_miss_says_so() -> None:
    assert "All 1 figures with a goal meet it." in record_page(record(MET))


def test_page_names_day_commit_and_machine() -> None:
    page = record_page(EVERYTHING)

    assert "made on 2014-05-02 at `0123456789ab`" in page
    assert "- processor a fast one, cores 2\n" in page


def test_page_of_a_quick_run_says_so() -> None:
    told = "This was a quick run."

    assert told in record_page(record(MET, quick=True))
    assert told not in record_page(record(MET))


def test_page_equals_the_record_that_is_kept() -> None:
    assert PAGE.read_text(encoding="utf-8") == benchmarks_page(), "run `make docs`"


def test_kept_record_is_of_everything() -> None:
    kept = read_record(RECORDED.read_text(encoding="utf-8"))

    assert not kept.quick
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", kept.measured_on)
    assert kept.lines
