"""What governance left behind, judged by its events alone, whoever was killed while writing it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final, Self

from tests.support.governance.governance_events import Events, events_of, said
from tests.support.scheduling.people import Signed
from tests.support.scheduling.plain_states import (
    check_approvals,
    check_canaries,
    check_drift_state,
    check_latch_state,
)
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.artifacts.errors import ReadFault
from torghut.artifacts.signatures import TrustedKey
from torghut.composition.governing import governance_events
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.governance.notes.note import read_note
from torghut.governance.rollouts.manifest import (
    final_manifest_of,
    lane_manifest_of,
    manifest_bytes,
    manifest_of,
)
from torghut.governance.verification.checks import Breach
from torghut.kernel.digests import sha256_hex
from torghut.workflows.aggregates import (
    CYCLE_RECORD,
    DRIFT,
    LEASE,
    STOP_LATCH,
    Governance,
)
from torghut.workflows.lane.running import COMMAND as LANE
from torghut.workflows.rollout.checking import check_manifest, find_envelope, read_found
from torghut.workflows.rollout.places import CURRENT, run_manifest
from torghut.workflows.rollout.publishing import project_run
from torghut.workflows.streams import Streams

_COUNTED: Final = (
    *("runs", "runs that pass", "canaries", "canaries that pass"),
    *("approvals", "grants", "denials", "revocations"),
)
"""What is counted of runs, canaries and approvals."""

BROKEN: Final = {Breach.INTEGRITY, Breach.CONTRACT}
_PAUSE_S: Final = 0.005


@dataclass(slots=True)
class Watch:
    """A reader who looks at the current manifest all the time.

    Attributes:
        root: The artifact root.
        trusted: The scheduler's key.
        seen: How many different manifests were read, whole.
        faults: What was wrong with any of them.
    """

    root: Path
    trusted: TrustedKey
    seen: int = 0
    faults: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        assert self._thread is not None
        self._thread.join()

    def _look(self) -> None:
        store, last = FolderArtifacts(self.root), b""
        while not self._ended.wait(_PAUSE_S):
            body = read_found(store, CURRENT)
            if body is ReadFault.MISSING or body == last:
                continue
            if isinstance(body, ReadFault):
                self.faults.append(f"{body}")
                continue
            last, self.seen = body, self.seen + 1
            self.faults += faults_of(store, body, self.trusted)


def faults_of(store: FolderArtifacts, body: bytes, trusted: TrustedKey) -> list[str]:
    """Return what of a manifest is not as it must be at every instant."""
    verdict = check_manifest(
        body,
        store,
        envelope=find_envelope(body, store, store, CURRENT),
        trusted=[trusted],
        now_ns=0,
    )
    return [str(one) for one in verdict.checks if not one.passed and one.breach in BROKEN]


def check_aftermath(
    root: Path, trusted: TrustedKey, *, signed: Sequence[Signed] = ()
) -> Mapping[str, int]:
    """Check everything that governance left, and return how much there is of it.

    Every cycle must have ended, so the last scheduler went in good order.

    Args:
        root: The artifact root.
        trusted: The scheduler's key.
        signed: What people handed in, all of it.
    """
    events = events_of(root)
    _check_epochs(events)
    _check_fenced(events)
    known = _check_states(root, events)
    _check_answers(events, signed)
    _check_drift(events)
    _check_latch(events[STOP_LATCH.stream])
    notes = _check_notes(root, events[CYCLE_RECORD.stream])
    known += _check_runs(root, events, trusted)
    latch = Counter(one.type for one in events[STOP_LATCH.stream])
    return {
        "epochs": len(said(events[LEASE.stream], "lease.taken.v1")),
        "notes": notes,
        "stops": latch["safety.loop-stopped.v1"],
        "recoveries": latch["safety.loop-recovered.v1"],
        "rollbacks": sum(
            one.type == "rollback.triggered.v1"
            for name, many in events.items()
            if name.startswith("rollback-")
            for one in many
        ),
        "releases": latch["safety.loop-released.v1"],
        **{name: known[name] for name in _COUNTED},
    }


def _check_epochs(events: Events) -> None:
    """Check that epochs grow, and that each cycle was begun under the one that stood."""
    taken = [
        (one.position, json.loads(one.body)["epoch"])
        for one in events[LEASE.stream]
        if one.type == "lease.taken.v1"
    ]
    assert all(a[1] < b[1] for a, b in pairwise(taken)), taken
    for one in events[CYCLE_RECORD.stream]:
        if one.type == "cycles.began.v1":
            standing = max(epoch for position, epoch in taken if position < one.position)
            assert json.loads(one.body)["epoch"] == standing


def _check_fenced(events: Events) -> None:
    """Check that no lane went on writing after the next epoch had begun."""
    taken = [one.position for one in events[LEASE.stream] if one.type == "lease.taken.v1"]
    for stream, envelopes in events.items():
        if stream.startswith("rollout-"):
            own = [one for one in envelopes if one.causes.causation_id == LANE]
            epochs = {sum(begun < one.position for begun in taken) for one in own}
            assert len(epochs) <= 1, (stream, epochs)


def _check_states(root: Path, events: Events) -> Counter[str]:
    """Compare what governance knows with a plain reading of the same events, and count that."""
    streams = Streams(governance_events(root))
    governance = Governance(streams=streams, causes=Causes(correlation_id="t", causation_id="t"))

    async def compare() -> Counter[str]:
        await check_latch_state(governance, events)
        await check_drift_state(governance, events)
        canaries = await check_canaries(governance, events)
        return canaries + await check_approvals(governance, events)

    return asyncio.run(compare())


def _check_answers(events: Events, signed: Sequence[Signed]) -> None:
    """Check that what was acknowledged is on record once, and nothing that nobody signed is."""
    on_record = Counter(
        one["envelope"]
        for envelopes in events.values()
        for one in said(envelopes, "approvals.signed.v1", "safety.release-signed.v1")
    )
    for one in signed:
        times = on_record[one.envelope]
        assert times == 1 if one.acknowledged else times <= 1, (one.act, times)
    assert set(on_record) <= {one.envelope for one in signed}


def _check_drift(events: Events) -> None:
    """Check that verdicts were counted without a gap, and no action came while it rested."""
    verdicts = said(events[DRIFT.stream], "drift.verdict-taken.v1")
    assert [one["evaluation"] for one in verdicts] == list(range(1, len(verdicts) + 1))
    triggered = said(events[DRIFT.stream], "drift.action-triggered.v1")
    for action in ("retrain", "reselection"):
        own = [one for one in triggered if one["action"] == action]
        assert all(int(b["at_ns"]) >= int(a["rests_until_ns"]) for a, b in pairwise(own)), own


def _check_latch(envelopes: Sequence[Envelope]) -> None:
    """Check that evaluations were counted without a gap, and what a stop waited for to be over."""
    evaluated = said(envelopes, "safety.evaluated.v1")
    assert [one["evaluation"] for one in evaluated] == list(range(1, len(evaluated) + 1))
    by_number = {one["evaluation"]: one for one in evaluated}
    triggers: set[str] = set()
    for event in said(envelopes):
        match event["type"]:
            case "safety.loop-stopped.v1":
                assert not triggers, "stopped again while it was stopped"
                triggers = set(event["triggers"])
            case "safety.incident-extended.v1":
                triggers = set(event["triggers"])
            case "safety.loop-recovered.v1":
                assert triggers <= {"signal-lag", "staleness-streak"}
                assert by_number[event["evaluation"]]["clean_streak"] >= 2
                triggers = set()
            case "safety.loop-released.v1":
                triggers = set()
            case _:
                pass


def _check_notes(root: Path, envelopes: Sequence[Envelope]) -> int:
    """Check that each cycle ended once, with a note of its own that is as its event says."""
    began = [one["cycle"] for one in said(envelopes, "cycles.began.v1")]
    ended = said(envelopes, "cycles.ended.v1")
    assert began == [one["cycle"] for one in ended] == list(range(1, len(began) + 1))
    store = FolderArtifacts(root)
    names = store.names("notes")
    cited = [one["note"]["path"] for one in ended]
    assert sorted(cited) == sorted(f"notes/{name}" for name in names), "a note more, or one less"
    assert cited == [f"notes/iteration-{number}.md" for number in range(1, len(ended) + 1)]
    for end in ended:
        body = store.read(end["note"]["path"])
        note = read_note(body)
        assert sha256_hex(body) == end["note"]["sha256"]
        assert (note.cycle, note.outcome, note.reason) == (
            end["cycle"],
            end["outcome"],
            end["reason"],
        )
    return len(names)


def _check_runs(root: Path, events: Events, trusted: TrustedKey) -> Counter[str]:
    """Check that each run of the lane has its manifests, byte for byte as the log gives them.

    Return how many runs there are, and how many of them passed when they were final.
    """
    store, log = FolderArtifacts(root), governance_events(root)
    lanes = events.get("lanes-main", [])
    started = [(one["run_id"], one["attempt"]) for one in said(lanes, "lanes.run-started.v1")]
    ended = [(one["run_id"], one["attempt"]) for one in said(lanes, "lanes.run-ended.v1")]
    assert started == ended, "a run without an end"
    assert len(set(started)) == len(started)
    found = Counter({"runs": len(started)})
    for run_id, attempt in started:
        run = asyncio.run(project_run(log, run_id, attempt=attempt))
        own = [one for one in (lane_manifest_of(run), final_manifest_of(run)) if one is not None]
        assert own, "a run without a manifest"
        found["runs that pass"] += any(one.status == "pass" for one in own[1:])
        for manifest in own:
            body = store.read(run_manifest(manifest))
            assert body == manifest_bytes(manifest)
            assert faults_of(store, body, trusted) == []
    if started:
        run_id, attempt = started[-1]
        run = asyncio.run(project_run(log, run_id, attempt=attempt))
        assert store.read(CURRENT) == manifest_bytes(manifest_of(run))
        assert final_manifest_of(run) is not None
    return found
