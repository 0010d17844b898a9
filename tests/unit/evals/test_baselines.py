"""A published result is read strictly."""

from __future__ import annotations

import json

import pytest

from tests.support.decisions.declared import ROOT
from torghut.evals.baselines import BaselineInvalidError, parse_run_baseline

_TEXT = (ROOT / "evals" / "baselines" / "demo.json").read_text(encoding="utf-8")


def test_demo_baseline_adds_up() -> None:
    baseline = parse_run_baseline(_TEXT, name="demo.json")

    assert baseline.contexts == baseline.decided + baseline.refused
    assert baseline.from_day < baseline.to_day


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("root", "abc", "root: "),
        ("contexts", "4528", "contexts: "),
        ("from_day", "4.1.2010", "from_day: "),
        ("owner", "me", "owner: "),
    ],
)
def test_other_content_is_refused_by_name(key: str, value: str, said: str) -> None:
    text = json.dumps({**json.loads(_TEXT), key: value})

    with pytest.raises(BaselineInvalidError, match=f"demo.json: expected .* found {said}"):
        parse_run_baseline(text, name="demo.json")


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(BaselineInvalidError):
        parse_run_baseline("{", name="demo.json")
