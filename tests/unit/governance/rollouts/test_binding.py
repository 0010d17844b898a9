"""What a manifest hangs on, and what would turn it."""

from __future__ import annotations

from tests.support.lane.rollouts import manifest_after, row, unmeasured, whole_run
from torghut.governance.rollouts.binding import Binding, Flip, binding_of
from torghut.governance.verification.verifying import read_manifest
from torghut.schemas.rollout.gates import GateRow
from torghut.schemas.rollout.manifest import ManifestDocument

SIGNALS = "slo_signal_count_minimum"
DECISIONS = "slo_decision_count_minimum"


def hangs_on(*rows: GateRow, drift_detected: bool = False) -> Binding:
    """Return what a run hangs on whose gate evaluation has ``rows``."""
    commands = whole_run(
        changed={"gate-evaluation": rows} if rows else None,
        drift="detected" if drift_detected else "stable",
    )
    binding = binding_of(read_manifest(manifest_after(commands)))
    assert binding is not None
    return binding


def test_fail_hangs_on_the_first_gate_that_fails_and_its_threshold_turns_it() -> None:
    binding = hangs_on(row(SIGNALS), row(DECISIONS, 3.0, least=5.0), row("more", 0.0))

    assert (binding.phase, binding.row and binding.row.id) == ("gate-evaluation", DECISIONS)
    assert binding.flip == Flip(what="value", comparator=">=", bound=5.0)
    assert binding.others == ["more"]


def test_gate_that_had_too_little_is_turned_by_more_of_it() -> None:
    binding = hangs_on(row(SIGNALS), unmeasured(DECISIONS, "insufficient", "n-below-1500"))

    assert binding.flip == Flip(what="n", comparator=">=", bound=1500.0)
    assert binding.reason == "n-below-1500"


def test_gate_that_was_not_measured_is_turned_by_nothing_that_has_a_name() -> None:
    binding = hangs_on(row(SIGNALS), unmeasured(DECISIONS, "insufficient", "log-unreadable"))

    assert binding.flip is None


def test_pass_hangs_on_the_gate_nearest_to_its_threshold() -> None:
    binding = hangs_on(row(SIGNALS, 3.0), row(DECISIONS, 11.0, least=10.0))

    assert binding.row is not None
    assert binding.row.id == DECISIONS
    assert binding.flip == Flip(what="value", comparator="<", bound=10.0)


def test_drift_binds_a_run_whose_lane_passed() -> None:
    binding = hangs_on(drift_detected=True)

    assert (binding.phase, binding.reason) == ("runtime-governance", "drift-detected")
    assert binding.flip == Flip(what="value", comparator="<=", bound=0.0)


def test_pass_without_a_threshold_hangs_on_nothing() -> None:
    manifest = read_manifest(manifest_after(whole_run()))
    phases = tuple(phase for phase in manifest.phases if phase.name == "rollback-proof")
    bare = ManifestDocument.model_validate(
        {**manifest.model_dump(mode="json"), "phases": [one.model_dump() for one in phases]}
    )

    assert binding_of(bare) is None
