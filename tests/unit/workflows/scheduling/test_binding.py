"""Governance is of one log, and signs what was said under its key; a note is what was meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.fakes.eventlog import run
from tests.fakes.governance import FakeLoop, lane_commands
from tests.support.decisions.declared import text_of
from tests.support.governance.governing import SECOND_NS, drift_policy, drift_window
from tests.support.scheduling.governed import KEY, OWN, Desk
from torghut.artifacts.errors import ReadFault
from torghut.artifacts.signatures import TrustedKey, fingerprint
from torghut.drift.verdicts import judge_drift
from torghut.governance.cycles.errors import AnotherLogError
from torghut.governance.declarations import parse_stage_roadmap
from torghut.governance.notes.note import note_path, render_note
from torghut.governance.verification.origin import Origin, OriginKind
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode
from torghut.schemas.governing.drift_evidence import DriftDetection
from torghut.schemas.governing.fields import Evidence, reading_of
from torghut.workflows.aggregates import CYCLE_RECORD, STOP_LATCH
from torghut.workflows.approving.grounds import RecordedGrounds
from torghut.workflows.rollout.checking import check_manifest, find_envelope, read_found
from torghut.workflows.rollout.places import CURRENT, SIGNATURE
from torghut.workflows.scheduling import cycle

OTHER: Final = "2f" * 32
PUBLIC: Final = KEY.public_key()


class Killed(BaseException):
    """The process is gone: nothing catches it."""


def origin(desk: Desk, place: str) -> Origin:
    """Return who answers for a manifest."""
    body = desk.store.read(place)
    verdict = check_manifest(
        body,
        desk.store,
        envelope=find_envelope(body, desk.store, desk.store, place),
        trusted=[TrustedKey(fingerprint=fingerprint(PUBLIC), key=PUBLIC)],
        now_ns=desk.now_ns,
    )
    return verdict.origin


def killed_before_its_end(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a cycle whose process dies before its note."""

    async def dies(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(cycle, "_end", dies)
        with pytest.raises(Killed):
            desk.cycle()
    desk.restart()


def test_cycle_over_another_log_is_refused_and_touches_nothing() -> None:
    desk = Desk()
    desk.cycle(mode="live", lag_ms=reading_of(700_000.0))
    real, before = desk.loop, run(desk.reopened().governance.state(CYCLE_RECORD))
    latch = run(desk.reopened().governance.state(STOP_LATCH))
    rosy = desk.loop = FakeLoop(first=OTHER)
    desk.restart()
    for _ in range(3):
        with pytest.raises(AnotherLogError, match="TORGHUT_ARTIFACT_DIR"):
            desk.cycle()

    assert AnotherLogError.exit_code is ExitCode.DISAGREES
    assert run(desk.reopened().governance.state(CYCLE_RECORD)) == before
    assert run(desk.reopened().governance.state(STOP_LATCH)) == latch
    assert rosy.recorded == {}
    desk.loop = real
    desk.restart()
    desk.cycle(lag_ms=reading_of(0.0))
    assert real.stopped


def test_log_that_nobody_can_read_is_bound_once_it_can_be() -> None:
    desk = Desk(FakeLoop(hidden=True))
    desk.cycle()
    bound = run(desk.governor.governance.state(CYCLE_RECORD)).bound
    assert bound is not None
    assert bound.log is None
    desk.loop.hidden = False
    desk.cycle()
    desk.loop.hidden = True
    desk.cycle()

    bound = run(desk.governor.governance.state(CYCLE_RECORD)).bound
    assert bound is not None
    assert bound.log == desk.loop.first


def test_scheduler_signs_no_pass_that_was_said_without_its_key_where_it_judges_otherwise() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    desk.key = KEY
    desk.restart()
    desk.meter.drift("performance_net_pnl_below_floor")
    note = desk.cycle()
    desk.cycle()

    assert note.manifest_status == "fail"
    assert origin(desk, OWN).kind is OriginKind.UNSIGNED
    assert origin(desk, CURRENT).kind is OriginKind.SIGNED


def test_scheduler_signs_what_was_final_before_it_had_a_key_where_it_judges_the_same() -> None:
    desk = Desk()
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    desk.key = KEY
    desk.restart()
    desk.cycle()

    assert origin(desk, OWN).kind is OriginKind.SIGNED


def test_scheduler_signs_what_its_process_died_before_signing_whatever_it_sees_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk(signed=True)
    desk.cycle()
    desk.lane.waiting.append(lane_commands())

    def dies(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("torghut.workflows.scheduling.steps.manifests.publish_run", dies)
        with pytest.raises(Killed):
            desk.cycle()
    assert read_found(desk.store, OWN + SIGNATURE) is ReadFault.MISSING
    desk.restart()
    desk.meter.drift("performance_net_pnl_below_floor")
    desk.cycle()

    assert origin(desk, OWN).kind is OriginKind.SIGNED


@pytest.mark.parametrize("place", [OWN, CURRENT])
@pytest.mark.parametrize("body", [b"garbage", b""])
def test_signature_that_is_none_is_evidence_that_was_altered(place: str, body: bytes) -> None:
    desk = Desk(signed=True)
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    desk.store.replace(place + SIGNATURE, body)
    desk.cycle()

    latch = run(desk.governor.governance.state(STOP_LATCH))
    assert latch.incident is not None
    assert latch.incident.triggers == {"evidence-corrupt"}
    assert desk.loop.stopped


def test_signature_by_an_older_key_is_left_for_readers_to_judge() -> None:
    desk = Desk(signed=True)
    desk.lane.waiting.append(lane_commands())
    desk.cycle()
    desk.key = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
    desk.restart()
    desk.cycle()

    assert run(desk.governor.governance.state(STOP_LATCH)).incident is None
    assert origin(desk, OWN).kind is OriginKind.SIGNED


def test_note_that_was_not_meant_is_no_note_of_a_cycle_that_its_process_died_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    honest = desk.cycle()
    killed_before_its_end(desk, monkeypatch)
    record = run(desk.governor.governance.state(CYCLE_RECORD))
    assert record.open is not None
    shown = _made_up_drift(desk)
    forged = honest.model_copy(
        update={
            "iteration": 77,
            "cycle": record.open.cycle,
            "epoch": record.open.epoch,
            "drift_evidence": shown,
        }
    )
    desk.store.create(note_path(77), render_note(forged))
    run(cycle.end_interrupted(desk.governor))

    ended = run(desk.governor.governance.state(CYCLE_RECORD)).ended
    assert ended is not None
    assert (ended.reason, ended.note.path) == ("cycle-interrupted", note_path(78))
    grounds = RecordedGrounds(
        governance=desk.governor.governance,
        roadmap=parse_stage_roadmap(text_of("governance/roadmaps/rollout.yaml"), file="r"),
        allow_live=True,
        drift=drift_policy(),
        store=desk.store,
    )
    assert run(grounds.facts("candidate-x", now_ns=desk.now_ns)).drift_fault is not None


def _made_up_drift(desk: Desk) -> Evidence:
    """Put drift evidence of a candidate there that nobody measured."""
    window = replace(
        drift_window(), subject="run-x", from_ns=desk.now_ns - 3600 * SECOND_NS, to_ns=desk.now_ns
    )
    detection = DriftDetection(
        run_id="run-x",
        candidate_id="candidate-x",
        at_ns=desk.now_ns,
        heads=(),
        contexts=1000,
        decisions=1000,
        last_ns=desk.now_ns,
        readings=dict(window.readings),
        observations=(),
        verdict=judge_drift(window, drift_policy()),
    )
    body = canonical_bytes(detection.model_dump(mode="json"))
    desk.store.create("drift/made-up.json", body)
    return Evidence(path="drift/made-up.json", sha256=sha256_hex(body))
