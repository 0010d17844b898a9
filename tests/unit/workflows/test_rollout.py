"""A rollout in a store of events: whatever store and however often restarted, one manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, open_sqlite, run
from tests.support.lane.rollouts import (
    RUN_ID,
    START_NS,
    evidence_files,
    manifest_after,
    reassess,
    run_after,
    whole_run,
)
from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.signatures import TrustedKey, fingerprint
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.rollouts.errors import ManifestNotFinalError, RunNotStartedError
from torghut.governance.rollouts.manifest import manifest_bytes, manifest_of
from torghut.governance.rollouts.rollout import ROLLOUT, read_rollout_event, rollout_stream
from torghut.governance.verification.origin import sign_manifest
from torghut.governance.verification.verifying import read_manifest
from torghut.kernel.errors import ExitCode
from torghut.schemas.rollout.run import DriftStatus
from torghut.workflows.rollout.checking import check_manifest, find_envelope
from torghut.workflows.rollout.places import CURRENT
from torghut.workflows.rollout.publishing import project_run, publish_run
from torghut.workflows.streams import Streams

KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OWN: Final = "runs/run-1/rollout/phase-manifest.json"
DRIFTS: Final[tuple[DriftStatus, ...]] = ("stable", "detected", "cooldown", "stable")
LANE: Final = "runs/run-1/rollout/phase-manifest.lane.json"


def test_manifest_is_the_same_after_a_restart_at_any_event(tmp_path: Path) -> None:
    path = tmp_path / "log.db"

    for count, command in enumerate(whole_run(), start=1):
        log = open_sqlite(path)
        stream = rollout_stream(RUN_ID)
        run(Streams(log).run(ROLLOUT, read_rollout_event, stream, command, causes=CAUSES))
        run(log.close())
        again = open_sqlite(path)
        state = run(project_run(again, RUN_ID))
        run(again.close())

        assert manifest_bytes(manifest_of(state)) == manifest_after(whole_run()[:count])


def test_run_that_never_started_has_no_manifest() -> None:
    with pytest.raises(RunNotStartedError):
        publish_run(run(project_run(InMemoryLog(clock=HandClock()), RUN_ID)), InMemoryArtifacts())


def test_published_in_order_a_run_leaves_three_files_and_a_signature() -> None:
    store = InMemoryArtifacts(evidence_files())
    for count in range(1, 9):
        publish_run(run_after(whole_run()[:count]), store, key=KEY)

        assert store.read(CURRENT) == manifest_after(whole_run()[:count])

    assert store.read(LANE) == manifest_after(whole_run()[:-1])
    assert store.read(OWN) == manifest_after(whole_run())
    assert checked(store, CURRENT) is ExitCode.YES


def checked(store: InMemoryArtifacts, place: str) -> ExitCode:
    """Return what the manifest at ``place`` is worth to who trusts the key."""
    trusted = [TrustedKey(fingerprint=fingerprint(KEY.public_key()), key=KEY.public_key())]
    body = store.read(place)
    envelope = find_envelope(body, store, InMemoryArtifacts(), "copy.json")
    verdict = check_manifest(body, store, envelope=envelope, trusted=trusted, now_ns=START_NS)
    return verdict.exit_code


@pytest.mark.parametrize("signed", [True, False], ids=["signed", "unsigned"])
def test_what_a_later_cycle_says_shows_in_the_current_manifest_only(*, signed: bool) -> None:
    store = InMemoryArtifacts(evidence_files())
    key = KEY if signed else None
    publish_run(run_after(whole_run()), store, key=key)
    final = store.read(OWN)
    seen = []
    for late, drift in enumerate(DRIFTS, start=1):
        later = [reassess(drift=one, late=n) for n, one in enumerate(DRIFTS[:late], start=1)]
        publish_run(run_after([*whole_run(), *later]), store, key=key)
        assert read_manifest(store.read(CURRENT)).runtime_governance.drift_status == drift
        assert store.read(OWN) == final
        seen.append(checked(store, CURRENT))

    yes = ExitCode.YES if signed else ExitCode.NOT_FINAL
    assert seen == [yes, ExitCode.NO, ExitCode.NO, yes]
    assert checked(store, OWN) is yes


def test_lane_at_work_leaves_no_copy_of_its_own() -> None:
    store = InMemoryArtifacts()
    publish_run(run_after(whole_run()[:3]), store)

    with pytest.raises(ArtifactUnreadableError):
        store.read(LANE)


def test_nobody_signs_what_is_not_final() -> None:
    with pytest.raises(ManifestNotFinalError):
        sign_manifest(read_manifest(manifest_after(whole_run()[:-1])), KEY)
