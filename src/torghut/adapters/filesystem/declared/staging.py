"""Reads what stages are measured by: service levels, the ladder, tolerances, open risks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.declaration_text import declaration_missing, read_declaration
from torghut.governance.declarations import (
    parse_baseline_policy,
    parse_exposure_policy,
    parse_risk_register,
    parse_slo_policy,
    parse_stage_roadmap,
)
from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.roadmap import StageRoadmap
from torghut.schemas.declarations.staging.ladder import ExposurePolicy
from torghut.schemas.declarations.staging.risks import RiskRegister
from torghut.schemas.declarations.staging.slo import BaselinePolicy, SloPolicy

SLO: Final = "governance/policies/slo.yaml"
EXPOSURE: Final = "governance/policies/exposure.yaml"
BASELINE: Final = "governance/policies/baseline.yaml"
RISKS: Final = "governance/risks.yaml"
ROADMAP: Final = "governance/roadmaps/rollout.yaml"

_FOLDERS: Final = ("governance", "router", "streams")
_READ: Final = frozenset({".yaml", ".yml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePolicies:
    """Everything that a stage is measured by."""

    roadmap: StageRoadmap
    slo: SloPolicy
    exposure: ExposurePolicy
    baseline: BaselinePolicy
    risks: RiskRegister


def load_staging(root: Path) -> StagePolicies:
    """Return what stages are declared below ``root`` to be measured by.

    Raises:
        DeclarationError: A file is missing, is no plain YAML, or does not fit its model.
    """
    return StagePolicies(
        roadmap=parse_stage_roadmap(read_declaration(root, ROADMAP), file=ROADMAP),
        slo=parse_slo_policy(read_declaration(root, SLO), file=SLO),
        exposure=parse_exposure_policy(read_declaration(root, EXPOSURE), file=EXPOSURE),
        baseline=parse_baseline_policy(read_declaration(root, BASELINE), file=BASELINE),
        risks=parse_risk_register(read_declaration(root, RISKS), file=RISKS),
    )


def declaration_digests(root: Path) -> Mapping[str, str]:
    """Return the sha256 of every declaration file below ``root``, by its path, sorted.

    Raises:
        DeclarationMissingError: A file cannot be read.
    """
    digests: dict[str, str] = {}
    for folder in _FOLDERS:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in _READ:
                continue
            place = path.relative_to(root).as_posix()
            try:
                digests[place] = sha256_hex(path.read_bytes())
            except OSError as error:
                reason = error.strerror or str(error)
                raise declaration_missing(place, "a file that can be read", reason) from error
    return digests
