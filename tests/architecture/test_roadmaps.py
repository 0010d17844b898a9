"""A roadmap says what the document says, and each test that it names is there."""

from __future__ import annotations

import ast
from typing import Final

import pytest

from tests.architecture.tree import ROOT
from tests.support.governance.staging import shipped_roadmap
from torghut.schemas.declarations.roadmap import ShownByArtifact, ShownByTest
from torghut.schemas.publish import MODELS

LEVEL: Final = "Runtime SLO targets: "
SWITCH: Final = "Hard rollback switches: "
ALERTS: Final = "Required alert families: "
SNAPSHOT: Final = (
    "Snapshot current decision quality, drawdown profile, fallback rates, "
    "and market-context freshness."
)

STAGES: Final = (
    (
        SNAPSHOT,
        "Freeze baseline artifact references for comparison.",
    ),
    (
        "Enable contamination-safe eval pipeline as promotion prerequisite.",
        "Validate benchmark reproducibility and lineage capture.",
    ),
    (
        "Deploy router and expert-weight outputs in shadow.",
        "Record path decisions without altering execution.",
        "Validate entropy triggers and defensive fallbacks.",
    ),
    (
        "Run DSPy as active decision reasoning path using Jangar OpenAI endpoint.",
        "Remove legacy runtime network LLM path.",
        "Keep deterministic fallback and strict timeout budget.",
        f"{LEVEL}DSPy timeout plus fallback rate within policy threshold.",
        f"{SWITCH}disable DSPy path and force deterministic-only advisory fallback.",
        f"{SWITCH}revert to prior promoted artifacts for router and DSPy runtime.",
        f"{ALERTS}DSPy transport/auth/schema failures.",
    ),
    (
        "Start with low notional impact and high oversight.",
        "Increase exposure only on passing SLO windows.",
        "Keep immediate rollback switches available.",
        f"{ALERTS}Router feature staleness or high fallback state.",
        f"{ALERTS}Deterministic gate anomaly spikes.",
        f"{ALERTS}Eval drift and promotion-gate failures.",
        f"{ALERTS}Market-context freshness degradation.",
        "Every alert class must map to a runbook action and owner.",
    ),
    (
        "Start offline generation/eval/promote cadence.",
        "Promote only candidates that pass all evidence gates.",
    ),
)
"""What the rollout's document asks of each phase, in its own words."""

OPERATIONAL: Final = (
    "Regime-adaptive router is live with verified fallback safety.",
    "DSPy over Jangar is the active LLM decision path with lineage and fallback controls.",
    "Contamination-safe eval pipeline gates all promotions.",
    "Alpha-discovery loop is running through controlled AgentRun lanes.",
    "GitOps manifests and deployed state are converged with no unmanaged drift.",
)
"""Its full operational exit criteria."""

NOT_BUILT: Final = {
    "alerts-dspy",
    "low-notional",
    "alerts-router",
    "alerts-gates",
    "alerts-evaluation",
    "alerts-freshness",
    "alerts-runbook-and-owner",
    "discovery-cadence",
    "router-live",
    "dspy-active-with-lineage",
    "discovery-in-agentrun-lanes",
    "deployed-state-converged",
}
"""What nothing shows yet; whoever builds one of them takes it out here too."""

CRITERIA: Final = [
    *(one for stage in shipped_roadmap().stages for one in stage.exit_criteria),
    *shipped_roadmap().operational_exit,
]


def test_every_sentence_of_the_rollout_is_a_criterion() -> None:
    stages = shipped_roadmap().stages

    assert tuple(tuple(one.says for one in stage.exit_criteria) for stage in stages) == STAGES


def test_every_sentence_of_the_full_operational_exit_is_a_criterion() -> None:
    assert tuple(one.says for one in shipped_roadmap().operational_exit) == OPERATIONAL


def test_what_is_not_built_is_said_to_be_so() -> None:
    assert {one.id for one in CRITERIA if one.evidence == "not-built"} == NOT_BUILT


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
