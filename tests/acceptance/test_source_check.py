"""``torghut source check``: everything about a source, and nothing written."""

from __future__ import annotations

from pathlib import Path

from tests.support.machine.commands import prices, typed


def spoilt(path: Path) -> str:
    """Write quotes, some of them bad in ways that decoder and kernel find; return their URI."""
    uri = prices(path, count=40, crossed=(10, 11, 12, 13))
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[1 + 20] = "fxcm:EURUSD,tomorrow,1.1,1.2"
    lines[1 + 21] = "fxcm:EURGBP,1399291410000000000,1.1,1.2"
    lines[1 + 22] = lines[1 + 22].replace(lines[1 + 22].split(",")[2], "cheap")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return uri


def test_check_writes_nothing(folder: Path) -> None:
    uri = prices(folder / "prices.csv")
    before = sorted(folder.rglob("*"))

    typed("source", "check", uri)

    assert sorted(folder.rglob("*")) == before


def test_outcomes_are_those_of_the_run(folder: Path) -> None:
    uri = spoilt(folder / "prices.csv")
    checked = typed("source", "check", uri, "--json").json
    ran = typed("run", "--source", uri, "--no-report", "--json").json

    assert checked["contexts"] == checked["decided"] + checked["refused"] == 40
    assert {name: checked[name] for name in ("contexts", "decided", "refused")} == {
        name: ran[name] for name in ("contexts", "decided", "refused")
    }


def test_refusals_of_decoder_and_kernel_are_told_with_at_most_three_examples(folder: Path) -> None:
    checked = typed("source", "check", spoilt(folder / "prices.csv"), "--json").json
    found = {refusal["code"]: refusal for refusal in checked["refusals"]}

    assert {code: (one["judge"], one["count"]) for code, one in found.items()} == {
        "market.crossed-book": ("kernel", 4),
        "market.wrong-type": ("source", 2),
        "market.instrument-undeclared": ("source", 1),
    }
    assert [len(found["market.crossed-book"]["examples"])] == [3]
    assert found["market.instrument-undeclared"]["examples"] == [
        "prices.csv, record 21: fxcm:EURGBP,1399291410000000000,1.1,1.2"
    ]


def test_people_are_told_the_command_to_type_next(folder: Path) -> None:
    uri = prices(folder / "prices.csv")
    ended = typed("source", "check", uri)

    assert ended.status == 0
    assert ended.out.splitlines()[-1] == f"Next: torghut run --source '{uri}'"
    assert "240 contexts = 240 decided + 0 refused" in ended.out
    assert "2014-05-05T12:00:00Z to 2014-05-05T12:39:50Z" in ended.out


def test_source_of_which_nothing_would_be_decided_is_a_no(folder: Path) -> None:
    uri = prices(folder / "prices.csv", count=3, crossed=(0, 1, 2))

    assert typed("source", "check", uri).status == 1
    assert typed("source", "check", uri, "--json").json["command"] is None


def test_limit_stops_reading_and_says_so(folder: Path) -> None:
    uri = prices(folder / "prices.csv")

    some = typed("source", "check", uri, "--limit", "100", "--json").json
    all_ = typed("source", "check", uri, "--limit", "240", "--json").json

    assert (some["contexts"], some["whole"]) == (100, False)
    assert (all_["contexts"], all_["whole"]) == (240, True)


def test_source_that_is_not_there_is_said(folder: Path) -> None:
    ended = typed("source", "check", str(folder / "nothing.csv"))

    assert ended.status == 7
    assert ended.err.startswith("adapters.source-unreadable: ")
