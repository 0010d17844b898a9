"""A stored row is rendered to the same decision for ever."""

from __future__ import annotations

import pytest

from tests.replay.golden_decisions import (
    DECISIONS,
    ROWS,
    golden_names,
    golden_row,
    golden_text,
    pretty,
)
from torghut.decisions.rendering import render_decision, render_json


@pytest.mark.parametrize("name", golden_names())
def test_golden_row_is_rendered_as_it_was(name: str) -> None:
    row, context = golden_row(name)

    assert pretty(render_json(row, context)) == (DECISIONS / f"{name}.json").read_text("utf-8")


@pytest.mark.parametrize("name", golden_names())
def test_golden_row_is_written_as_it_is_read(name: str) -> None:
    assert golden_text(*golden_row(name)) == (ROWS / f"{name}.json").read_text("utf-8")


def test_all_intents_and_both_paths_are_kept() -> None:
    decisions = [render_decision(*golden_row(name)) for name in golden_names()]

    assert {decision.intent for decision in decisions} == {"buy", "sell", "hold", "abstain"}
    assert {decision.path for decision in decisions} == {"fast", "slow"}
