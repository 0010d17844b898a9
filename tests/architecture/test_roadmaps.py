"""A roadmap says what the document says, and each test that it names is there."""

from __future__ import annotations

import ast
from typing import Final

import pytest

from tests.architecture.tree import ROOT
from tests.staging import shipped_roadmap
from torghut.schemas.declarations.roadmap import ShownByArtifact, ShownByTest
from torghut.schemas.publish import MODELS

CRITERIA: Final = [one for stage in shipped_roadmap().stages for one in stage.exit_criteria]


def test_every_sentence_of_the_rollout_is_a_criterion() -> None:
    assert [len(stage.exit_criteria) for stage in shipped_roadmap().stages] == [2, 2, 3, 3, 3, 2]


@pytest.mark.parametrize("criterion", CRITERIA, ids=lambda criterion: criterion.id)
def test_what_a_criterion_is_shown_by_exists(criterion: object) -> None:
    evidence = getattr(criterion, "evidence", None)
    if isinstance(evidence, ShownByTest):
        place, _, name = evidence.test.partition("::")
        tree = ast.parse((ROOT / place).read_text(encoding="utf-8"))
        assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    elif isinstance(evidence, ShownByArtifact):
        assert any(type_.endswith(f".{evidence.artifact}") for type_ in MODELS)
    else:
        assert evidence == "not-built"
