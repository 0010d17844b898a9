"""The rollout's stages are declared completely and in their order, or refused."""

from __future__ import annotations

import pytest

from tests.support.decisions.declared import changed
from tests.support.governance.staging import ROADMAP
from torghut.governance.declarations import parse_stage_roadmap
from torghut.schemas.declarations.errors import DeclarationContentError


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("number: 1", "number: 2"),
        ("name: baseline-capture", "name: baseline"),
        ("id: baseline-frozen", "id: baseline-snapshot"),
        ("target: paper", "target: real"),
        ("router_mode: static", "router_mode: regime"),
        ('notional_cap: "0"', 'notional_cap: "-1"'),
        ('notional_cap: "0"', "notional_cap: 0.5"),
        ("evidence: not-built", "evidence: somebody-said-so"),
        ("evidence: not-built", 'evidence: ""'),
        ("test: tests/acceptance", "test: /tests/acceptance"),
        ("        evidence: not-built", "        owner: production"),
    ],
)
def test_roadmap_with_a_stage_that_shows_nothing_is_refused(old: str, new: str) -> None:
    with pytest.raises(DeclarationContentError):
        parse_stage_roadmap(changed(ROADMAP, old, new), file=ROADMAP)
