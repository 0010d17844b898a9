"""A service level is kept, broken, unmeasured or declared off, and a window is as its worst."""

from __future__ import annotations

from typing import Final

import pytest
from pydantic import ValidationError

from tests.support.decisions.declared import changed
from tests.support.governance.climbing import DECLARED, good_readings, hours, slo_policy
from torghut.governance.declarations import parse_slo_policy
from torghut.governance.slo.judging import judge_window, levels
from torghut.schemas.declarations.errors import DeclarationContentError
from torghut.schemas.governing.fields import Reading, declared_off, reading_of
from torghut.schemas.staging.slo_window import SLOS, SloName, SloRow, SloWindow

FILE: Final = "governance/policies/slo.yaml"
LEVELS: Final = levels(slo_policy())


def judged(**changes: Reading) -> SloWindow:
    """Return a window in which all is well, but for ``changes``."""
    found = good_readings()
    for name, reading in changes.items():
        found[next(one for one in SLOS if one == name.replace("_", "-"))] = reading
    return judge_window("1h", hours(0), found, slo_policy())


def row(window: SloWindow, name: SloName) -> SloRow:
    """Return one service level of a window."""
    return next(one for one in window.rows if one.id == name)


def test_every_level_is_judged() -> None:
    window = judged()

    assert tuple(one.id for one in window.rows) == SLOS == tuple(LEVELS)
    assert (window.status, window.failing) == ("pass", ())


@pytest.mark.parametrize("name", SLOS)
def test_value_at_the_threshold_is_kept_and_one_beyond_is_not(name: SloName) -> None:
    level = LEVELS[name]
    key = name.replace("-", "_")
    beyond = -1e-6 if level.comparator == ">=" else 1e-6

    at = judged(**{key: reading_of(level.threshold, samples=1000)})
    past = judged(**{key: reading_of(level.threshold + beyond, samples=1000)})

    assert (at.status, row(at, name).status) == ("pass", "pass")
    assert (past.status, past.failing) == ("fail", (name,))


@pytest.mark.parametrize("name", SLOS)
@pytest.mark.parametrize(
    ("reading", "status"),
    [
        (reading_of(None), "missing"),
        (reading_of(float("nan")), "missing"),
        (reading_of(float("inf")), "missing"),
        (reading_of(0.5, samples=1), "insufficient"),
    ],
)
def test_what_is_not_measured_or_on_too_little_fails(
    name: SloName, reading: Reading, status: str
) -> None:
    window = judged(**{name.replace("-", "_"): reading})

    assert str(row(window, name).status) == status
    assert window.status == "fail"


def test_what_nobody_read_is_missing() -> None:
    window = judge_window("1h", hours(0), {}, slo_policy())

    assert {one.status for one in window.rows} == {"missing"}
    assert window.status == "fail"


def test_what_is_declared_off_does_not_fail_and_alone_shows_nothing() -> None:
    some = judged(news_freshness=declared_off(DECLARED))
    every = judge_window("1h", hours(0), dict.fromkeys(SLOS, declared_off(DECLARED)), slo_policy())

    assert some.status == "pass"
    assert row(some, "news-freshness").declaration == DECLARED
    assert every.status == "closed"


def test_window_cannot_be_made_that_says_more_than_its_rows() -> None:
    body = judged(router_fallback_ratio=reading_of(0.9, samples=1000)).model_dump(mode="json")

    with pytest.raises(ValidationError, match="the status that the rows make"):
        SloWindow.model_validate({**body, "status": "pass"})
    rows = [{**one, "status": "pass"} for one in body["rows"]]
    with pytest.raises(ValidationError, match="the status that value and threshold make"):
        SloWindow.model_validate({**body, "status": "pass", "rows": rows})
    with pytest.raises(ValidationError, match="once each"):
        SloWindow.model_validate({**body, "rows": body["rows"][:5]})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("windows: [1h, 24h]", "windows: [24h, 1h]"),
        ("windows: [1h, 24h]", "windows: []"),
        ("windows: [1h, 24h]", "windows: [1h, 1h]"),
        ("windows: [1h, 24h]", "windows: [2h]"),
        ("ratio_min: 0.999", "ratio_min: 1.1"),
        ("p95_max_ms: 250", "p95_max_ms: 0"),
        ("contexts_min: 20", "contexts_min: 0"),
    ],
)
def test_levels_that_promise_nothing_are_refused(old: str, new: str) -> None:
    with pytest.raises(DeclarationContentError):
        parse_slo_policy(changed(FILE, old, new), file=FILE)
