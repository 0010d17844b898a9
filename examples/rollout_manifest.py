"""A candidate's run from its first event to a signed manifest, with figures given by hand."""

import argparse
import asyncio
from pathlib import Path

from torghut.artifacts.ports import ArtifactStore
from torghut.artifacts.signatures import parse_private_key
from torghut.composition.governing import governance_events, owners
from torghut.composition.standby import artifact_root, wall_clock
from torghut.eventlog.envelopes import Causes
from torghut.governance.approvals.keyring import keyring_of
from torghut.governance.rollouts.finalising import RollbackFacts
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    CompleteLane,
    FinaliseRun,
    RecordPhase,
    RolloutCommand,
    StartRun,
    parse_run_plan,
    read_rollout_event,
    rollout_stream,
)
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.governing.ledger import LedgerCandidate
from torghut.schemas.rollout.evidence import GateEvidence
from torghut.schemas.rollout.gates import EvidenceReference, GateRow
from torghut.schemas.rollout.phases import LANE_PHASES, REQUIRED_GATES
from torghut.workflows.approving.makers import claim_candidate
from torghut.workflows.approving.promoting import register_candidate
from torghut.workflows.rollout.publishing import project_run, publish_run
from torghut.workflows.streams import Streams

CANDIDATE = LedgerCandidate(
    candidate_id="router-candidate-1",
    digest=sha256_hex(b"a router package"),
    package=sha256_hex(b"a router package"),
)
FIGURES = {
    "slo_signal_count_minimum": (5120.0, 2000.0, "signals"),
    "slo_decision_count_minimum": (4528.0, 2000.0, "decisions"),
    "slo_required_artifacts_present": (6.0, 6.0, "artifacts"),
    "slo_required_rollback_checks_present": (4.0, 4.0, "checks"),
    "slo_drift_gate_allowed": (1.0, 1.0, "verdicts"),
    "slo_paper_canary_patch_present": (1.0, 1.0, "patches"),
}


def judged(run: str, gate: str, store: ArtifactStore, now_ns: int) -> GateRow:
    """Write the evidence for a gate, and return the row that cites it."""
    value, threshold, unit = FIGURES[gate]
    shown = GateEvidence(
        run_id=run, gate=gate, value=value, unit=unit, n=int(value), measured_at_ns=now_ns
    )
    body, path = canonical_bytes(shown.model_dump(mode="json")), f"runs/{run}/evidence/{gate}.json"
    store.create(path, body)
    cited = EvidenceReference(path=path, sha256=sha256_hex(body), schema=shown.type)
    return GateRow(
        id=gate,
        status="pass" if value >= threshold else "fail",
        value=value,
        comparator=">=",
        threshold=threshold,
        unit=unit,
        n=int(value),
        reason=None if value >= threshold else "below-threshold",
        evidence=(cited,),
    )


async def main() -> None:
    """Run the lane by hand, and put what came of it on record and into files below a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the artifact root")
    parser.add_argument("--key", type=Path, help="an Ed25519 private key in PEM, to sign with")
    parser.add_argument("--author", type=Path, help="the private key of who made the candidate")
    parser.add_argument("--run", default="example-1", help="the run's id")
    parser.add_argument("--target", choices=("paper", "live"), default="paper")
    asked = parser.parse_args()
    log, store, now_ns = (
        governance_events(asked.folder),
        artifact_root(asked.folder),
        wall_clock().now_ns(),
    )
    streams, run = Streams(log), asked.run
    await register_candidate(streams, "index-daily", CANDIDATE, run_id=run, at_ns=now_ns)
    if asked.author:
        author = parse_private_key(asked.author.read_bytes())
        await claim_candidate(
            log, CANDIDATE.digest, author, keyring=keyring_of(owners()), at_ns=now_ns
        )
    plan = parse_run_plan(
        {
            "run_id": run,
            "attempt": 1,
            "candidate_id": CANDIDATE.candidate_id,
            "execution_context": {
                "repository": "example",
                "base": "main",
                "head": "candidate",
                "artifactPath": str(asked.folder),
                "priorityId": "p1",
            },
            "asked_promotion_target": "live",
            "requested_promotion_target": asked.target,
            "missing_for_live": ["approval-missing"] if asked.target == "paper" else [],
            "cycle_length_s": 60,
        }
    )
    no_rollback = RollbackFacts(triggered=False)
    commands: list[RolloutCommand] = [StartRun(plan=plan, at_ns=now_ns)]
    for phase in LANE_PHASES:
        rows = tuple(judged(run, gate, store, now_ns) for gate in REQUIRED_GATES[phase])
        commands.append(RecordPhase(phase=phase, gates=rows, at_ns=now_ns))
    commands += [
        CompleteLane(rollback=no_rollback, at_ns=now_ns),
        FinaliseRun(drift_status="stable", rollback=no_rollback, at_ns=now_ns),
    ]
    causes = Causes(correlation_id=run, causation_id="example")
    key = parse_private_key(asked.key.read_bytes()) if asked.key else None
    for command in commands:
        stream = rollout_stream(run)
        await streams.run(ROLLOUT, read_rollout_event, stream, command, causes=causes)
        own = publish_run(await project_run(log, run), store, key=key).place
        print(f"{type(command).__name__:<12} {own}")


asyncio.run(main())
