"""Whether a run still earns what its manifest says: by what governance has on record now.

The run's own copy of its manifest is written once. What later cycles found stands in the rollout's
stream, whether the loop is stopped in the latch's: they are asked here, not the file.
"""

from __future__ import annotations

from torghut.governance.releases.releasing import check_proven
from torghut.governance.rollouts.manifest import final_manifest_of, lane_manifest_of, manifest_of
from torghut.governance.rollouts.rollout import RolloutState
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.rollout.phases import Target
from torghut.workflows.aggregates import (
    LATCH_NAME,
    SIGNALS,
    STOP_LATCH_SIGNED,
    Governance,
    rollout_of,
)
from torghut.workflows.approving.errors import (
    ManifestDiffersError,
    RunFailedSinceError,
    RunTooOldError,
    RunUnrecordedError,
    SignalsMissingError,
    StopHoldsError,
)
from torghut.workflows.approving.manifests import CheckedManifest
from torghut.workflows.approving.office import Office


async def check_current(office: Office, manifest: CheckedManifest, *, target: Target) -> None:
    """Check that a run still earns its candidate a promotion.

    Args:
        office: Whose log is asked, at its time.
        manifest: As it was read from the run's own copy.
        target: That is asked for.

    Raises:
        RunRefusedError: It does not.
        ReleaseUnprovenError: The stop latch was opened by nobody who is known.
    """
    document = manifest.document
    run_id, attempt = document.run_id, document.observation_summary.attempt
    governance = Governance(streams=office.streams, causes=office.causes(run_id))
    state = await governance.state(rollout_of(run_id, attempt))
    if state.started is None:
        raise RunUnrecordedError(
            expected=f"attempt {attempt} at run {run_id} on record", found="none"
        )
    _check_same(manifest, state)
    _check_passes(manifest_of(state))
    await _check_open(office, governance)
    _check_age(office, state, await office.now())
    alert = (await governance.state(SIGNALS)).alert_id
    if target == "live" and alert is not None:
        raise SignalsMissingError(expected="signals without a break", found=f"the alert {alert}")


def _check_same(manifest: CheckedManifest, state: RolloutState) -> None:
    """Check that the file is the projection of the run's events: the final one, or the lane's."""
    final = manifest.document.observation_summary.finalised
    recorded = final_manifest_of(state) if final else lane_manifest_of(state)
    found = manifest.document.content_hash
    if recorded is None or recorded.content_hash != found:
        hashed = "no such manifest" if recorded is None else recorded.content_hash
        raise ManifestDiffersError(
            expected=f"{hashed}, as the events of run {manifest.document.run_id} come to",
            found=found,
        )


def _check_passes(now: PhaseManifest) -> None:
    """Check that the run passes by what governance judged last."""
    if now.status == "pass":
        return
    failed = next(one.name for one in now.phases if one.status != "pass")
    reasons = {
        now.phases[-2].name: now.runtime_governance.reason,
        now.phases[-1].name: now.rollback_proof.reason,
    }
    reason = reasons.get(failed) or "its gates"
    raise RunFailedSinceError(
        expected="a run that passes by what governance judged last",
        found=f"{failed} fails at {now.updated_at}: {reason}; run the lane again",
    )


async def _check_open(office: Office, governance: Governance) -> None:
    """Check that nothing stops the loop, and that nobody unknown let it go on."""
    signed = await governance.state(STOP_LATCH_SIGNED)
    incident = signed.latch.incident
    if incident is not None:
        raise StopHoldsError(
            expected="an open stop latch",
            found=f"{incident.incident_id}: release it with `torghut latch release`",
        )
    check_proven(signed, LATCH_NAME, office.keyring, office.safety.stop)


def _check_age(office: Office, state: RolloutState, now_ns: int) -> None:
    """Check that the run was final no longer ago than is declared."""
    final, limit_ms = state.finalised, office.policy.run_age_max_ms
    if final is None:
        return  # whoever wants it final says so
    age_ms = (now_ns - final.occurred_at_ns) // NS_PER_MS
    if age_ms > limit_ms:
        raise RunTooOldError(
            expected=f"a run that is final for {limit_ms} ms at most",
            found=f"one of {age_ms} ms: run the lane again",
        )
