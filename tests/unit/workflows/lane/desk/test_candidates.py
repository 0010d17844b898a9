"""Candidates: only another policy, other experts or another package, kept by digest."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.decisions.declared import redeclared, shipped
from tests.support.decisions.packages import made_package
from tests.support.lane.planted import regimes
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.artifacts.errors import ArtifactUnreadableError, PackageMissingError
from torghut.decisions.declarations import Declarations
from torghut.router.package import read_regime_model
from torghut.workflows.lane.contest.arms import ArmPlan
from torghut.workflows.lane.contest.standing import LogStanding
from torghut.workflows.lane.desk.candidates import (
    CandidateAlteredError,
    CandidateRefusedError,
    Candidates,
    check_window,
    declarations_spec,
    package_spec,
)

ROUTER = "fx-intraday"


def champion() -> ArmPlan:
    """Return what serves."""
    return ArmPlan(declarations=shipped(), packages={ROUTER: read_regime_model(regimes())})


def with_dwell(seconds: float) -> Declarations:
    """Return the shipped declarations with another dwell time."""
    gates = shipped().gates.model_dump(mode="json")
    for gate in gates["gates"]:
        if gate["id"] == "dwell":
            gate["threshold"]["default"] = seconds
    return dataclasses.replace(
        shipped(), gates=type(shipped().gates).model_validate_json(_json(gates))
    )


def with_gain(gain: float) -> Declarations:
    """Return the shipped declarations with a trend expert of another gain."""
    first, *others = shipped().experts
    trend = type(first).model_validate_json(
        _json({**first.model_dump(mode="json"), "score_gain": gain})
    )
    return dataclasses.replace(shipped(), experts=(trend, *others))


def _json(stated: object) -> str:
    import json  # noqa: PLC0415 - of this helper alone

    return json.dumps(stated)


def kept(folder: Path) -> tuple[Candidates, InMemoryArtifacts]:
    """Return where candidates are kept."""
    files = InMemoryArtifacts()
    return Candidates(packages=FolderPackageStore(folder), files=files), files


def test_another_policy_and_other_experts_are_told_apart() -> None:
    policy = declarations_spec(with_dwell(90.0), champion(), ROUTER)
    experts = declarations_spec(with_gain(0.5), champion(), ROUTER)

    assert (policy.kind, experts.kind) == ("policy", "experts")
    assert policy.declarations == with_dwell(90.0).digest


@pytest.mark.parametrize("name", ["none", "instruments"])
def test_declarations_that_change_nothing_or_what_trading_costs_are_refused(name: str) -> None:
    def cheaper(stated: dict[str, object]) -> None:
        stated["costs"] = {"fee_bps": 0.0, "slippage_bps": 0.0, "half_spread_bps": 0.0}

    other = shipped() if name == "none" else redeclared(cheaper, "fxcm:EURUSD")

    with pytest.raises(CandidateRefusedError, match=name):
        declarations_spec(other, champion(), ROUTER)


def test_a_package_of_another_name_or_the_champions_own_is_refused() -> None:
    with pytest.raises(CandidateRefusedError, match="a package of router"):
        package_spec(made_package(name="other"), champion(), ROUTER)
    with pytest.raises(CandidateRefusedError, match="other than the champion"):
        package_spec(regimes(), champion(), ROUTER)
    with pytest.raises(CandidateRefusedError, match="a router in use"):
        package_spec(regimes(), champion(), "fx-other")


def test_a_kept_package_serves_in_the_champions_place(tmp_path: Path) -> None:
    candidates, _ = kept(tmp_path)
    candidates.keep_package(regimes(1.0))

    plan = candidates.plan_of(package_spec(regimes(1.0), champion(), ROUTER), champion())

    assert plan.packages[ROUTER].digest == regimes(1.0).digest
    assert plan.declarations is champion().declarations
    with pytest.raises(PackageMissingError):
        candidates.plan_of(package_spec(regimes(0.5), champion(), ROUTER), champion())


def test_kept_declarations_are_read_back_by_digest_and_an_altered_file_is_refused(
    tmp_path: Path,
) -> None:
    candidates, files = kept(tmp_path)
    other = with_dwell(90.0)
    spec = declarations_spec(other, champion(), ROUTER)
    with pytest.raises(ArtifactUnreadableError):
        candidates.plan_of(spec, champion())
    candidates.keep_declarations(other)
    assert candidates.plan_of(spec, champion()).declarations.digest == other.digest

    files.replace(f"candidates/declarations-{other.digest}.json", with_dwell(91.0).to_bytes())

    with pytest.raises(CandidateAlteredError):
        candidates.plan_of(spec, champion())


def test_a_window_must_hold_something() -> None:
    standing = LogStanding(block=0, head="ab" * 32, first_ns=100, last_ns=200)

    check_window((0, 100), standing)
    check_window((200, 300), standing)
    for window in ((0, 99), (201, 300)):
        with pytest.raises(CandidateRefusedError):
            check_window(window, standing)
