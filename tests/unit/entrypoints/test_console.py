"""What commands print: aligned for people, one object for machines, and never silent for long."""

from __future__ import annotations

import json

import pytest

from torghut.entrypoints.cli.console import (
    Progress,
    plural,
    print_fields,
    print_json,
    print_table,
    stamp,
)


def test_table_is_aligned_and_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    print_table({"code": "left", "count": "right"}, [["market.crossed-book", "82,714"], ["x", "1"]])

    lines = capsys.readouterr().out.splitlines()

    assert [lines[0].split(), lines[2].split(), lines[3].split()] == [
        ["code", "count"],
        ["market.crossed-book", "82,714"],
        ["x", "1"],
    ]
    assert len(lines[2]) == len(lines[3])


def test_markup_in_data_is_only_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_table({"name": "left"}, [["[red]a[/red]"]])

    assert "[red]a[/red]" in capsys.readouterr().out


def test_values_of_several_lines_stay_in_their_column(capsys: pytest.CaptureFixture[str]) -> None:
    print_fields({"log": "a", "parts": "b\nc"})

    assert capsys.readouterr().out == "log    a\nparts  b\n       c\n"


def test_json_is_one_object_and_knows_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"root": "é", "count": 1})

    assert json.loads(capsys.readouterr().out) == {"root": "é", "count": 1}
    with pytest.raises(ValueError, match="not JSON compliant"):
        print_json({"price": float("nan")})


def test_line_tells_stage_share_and_words() -> None:
    progress = Progress()
    progress.stage("Deciding", total=200)
    progress.at(50, "1,000 contexts")

    line = progress.line()
    progress.end()

    assert line == "Deciding 25 %, 1,000 contexts, 0 s"


def test_new_stage_replaces_the_one_before() -> None:
    progress = Progress()
    progress.stage("Reading")
    progress.stage("Deciding")

    line = progress.line()
    progress.end()

    assert line == "Deciding, 0 s"


def test_result_goes_to_stdout_and_progress_does_not(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.stage("Deciding")
    progress.say("a result")
    progress.end()

    assert capsys.readouterr().out == "a result\n"


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 blocks"), (1, "1 block"), (1000, "1,000 blocks")]
)
def test_numbers_of_things(count: int, words: str) -> None:
    assert plural(count, "block") == words


def test_stamps_sort_as_their_times() -> None:
    times = [0, 1, 999_999_999, 1_000_000_000, 10**18, 10**18 + 1]

    assert sorted(map(stamp, times)) == list(map(stamp, times))


def test_hidden_bar_stands_again_afterwards() -> None:
    progress = Progress()
    progress.stage("Deciding")

    with progress.hidden():
        progress.stage("Submitting")

    line = progress.line()
    progress.end()
    assert line == "Submitting, 0 s"
