"""The screen fits a terminal and says the essentials; the JSON says all figures."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from tests.support.decisions.summaries import hostile, largest, small
from torghut.entrypoints.report.figures import count, duration, money
from torghut.entrypoints.report.plain import as_json
from torghut.entrypoints.report.screen import COLUMNS, LINES, print_screen
from torghut.workflows.report.summary import Summary


def printed(summary: Summary) -> str:
    """Return the screen as it is printed into a file."""
    text = io.StringIO()
    print_screen(summary, Console(file=text, width=COLUMNS, highlight=False))
    return text.getvalue()


@pytest.mark.parametrize("summary", [small(), largest(9), hostile()], ids=["s", "l", "h"])
def test_screen_fits_a_terminal(summary: Summary) -> None:
    lines = printed(summary).splitlines()

    assert len(lines) <= LINES
    assert max(map(len, lines)) <= COLUMNS


def test_screen_says_the_essentials() -> None:
    text, summary = printed(small()), small()
    symbol = summary.symbols[0]

    for said in (
        "not live: paper",
        f"{count(summary.contexts)} = {count(summary.decided)} decided + {summary.refused} refused",
        money(symbol.serving.gain),
        money(symbol.holding.gain),
        "market.undecodable 5",
        summary.facts.root,
        summary.facts.head_digest,
        summary.facts.log,
        summary.facts.page,
        "torghut log verify",
        "every gain below is simulated",
    ):
        assert said in text, said


def test_screen_says_what_was_measured_of_each_context_and_each_block() -> None:
    text, pace = printed(small()), small().pace

    p50, p99 = duration(pace.decide_p50_ns), duration(pace.decide_p99_ns)
    assert f"half in   {p50}, 99 % {p99} to decide a context" in text
    p50, p99 = duration(pace.durable_p50_ns), duration(pace.durable_p99_ns)
    assert f"{p50}, 99 % {p99} to make a block durable" in text
    assert pace.decide_p50_ns
    assert pace.durable_p50_ns


def test_screen_says_nothing_of_what_was_not_measured() -> None:
    unmeasured = replace(small().pace, decide_p50_ns=None, decide_p99_ns=None, durable_p50_ns=None)

    assert "half in" not in printed(replace(small(), pace=unmeasured))


def test_screen_lets_no_text_move_the_cursor() -> None:
    assert not set(printed(hostile())) & {"\x1b", "\x00", "\u202e"}


def test_json_is_json_with_times_as_text_and_without_the_charts() -> None:
    summary = small()

    plain = json.loads(json.dumps(as_json(summary), allow_nan=False))

    assert plain["contexts"] == summary.contexts
    assert plain["first_ns"] == str(summary.first_ns)
    assert plain["refusals"] == summary.refusals
    assert plain["symbols"][0]["serving"]["gain"] == summary.symbols[0].serving.gain
    assert plain["symbols"][0]["last_ns"] == str(summary.symbols[0].last_ns)
    assert "series" not in plain["symbols"][0]
    assert plain["pace"]["elapsed_ns"] == str(summary.pace.elapsed_ns)


def test_json_of_what_was_not_measured_is_null() -> None:
    plain = as_json(largest())

    assert json.dumps(plain, allow_nan=False).count("NaN") == 0
