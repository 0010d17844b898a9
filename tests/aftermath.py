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
from typing import Any, Final, Self

from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.artifacts.errors import ReadFault
from torghut.artifacts.signatures import TrustedKey
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.governance.notes.note import read_note
from torghut.governance.rollouts.manifest import (
    final_manifest_of,
    lane_manifest_of,
    manifest_bytes,
    manifest_of,
)
from torghut.governance.verification.checks import Breach
from torghut.governing import governance_events
from torghut.kernel.digests import sha256_hex
from torghut.workflows.aggregates import (
    CYCLE_RECORD,
    DRIFT,
    LEASE,
    SIGNALS,
    STOP_LATCH,
    Governance,
)
from torghut.workflows.lane.running import COMMAND as LANE
from torghut.workflows.rollout.checking import check_manifest, find_envelope, read_found
from torghut.workflows.rollout.places import CURRENT, run_manifest
from torghut.workflows.rollout.publishing import project_run
from torghut.workflows.streams import Streams

Event = Mapping[str, Any]

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


def events_of(root: Path) -> Mapping[str, Sequence[Envelope]]:
    """Return every event of governance, by its stream."""

    async def read() -> Mapping[str, Sequence[Envelope]]:
        log = governance_events(root)
        return {name: await log.read_events(name) for name in await log.streams("")}

    return asyncio.run(read())


def said(envelopes: Sequence[Envelope], *kinds: str) -> list[Event]:
    """Return the events of these types, in order."""
    return [json.loads(one.body) for one in envelopes if not kinds or one.type in kinds]


def check_continued(before: Mapping[str, Sequence[Envelope]], root: Path) -> None:
    """Check that nothing that was on record has changed since."""
    now = events_of(root)
    for stream, envelopes in before.items():
        kept = [one.digest for one in now[stream][: len(envelopes)]]
        assert kept == [one.digest for one in envelopes], stream


def check_aftermath(root: Path, trusted: TrustedKey) -> Mapping[str, int]:
    """Check everything that governance left, and return how much there is of it.

    Every cycle must have ended, so the last scheduler went in good order.
    """
    events = events_of(root)
    _check_epochs(events)
    _check_fenced(events)
    _check_states(root, events)
    _check_drift(events)
    _check_latch(events[STOP_LATCH.stream])
    notes = _check_notes(root, events[CYCLE_RECORD.stream])
    runs = _check_runs(root, events, trusted)
    latch = Counter(one.type for one in events[STOP_LATCH.stream])
    return {
        "epochs": len(said(events[LEASE.stream], "lease.taken.v1")),
        "notes": notes,
        "runs": runs,
        "stops": latch["safety.loop-stopped.v1"],
        "recoveries": latch["safety.loop-recovered.v1"],
        "rollbacks": sum(
            one.type == "rollback.triggered.v1"
            for name, many in events.items()
            if name.startswith("rollback-")
            for one in many
        ),
    }


def _check_epochs(events: Mapping[str, Sequence[Envelope]]) -> None:
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


def _check_fenced(events: Mapping[str, Sequence[Envelope]]) -> None:
    """Check that no lane went on writing after the next epoch had begun."""
    taken = [one.position for one in events[LEASE.stream] if one.type == "lease.taken.v1"]
    for stream, envelopes in events.items():
        if stream.startswith("rollout-"):
            own = [one for one in envelopes if one.causes.causation_id == LANE]
            epochs = {sum(begun < one.position for begun in taken) for one in own}
            assert len(epochs) <= 1, (stream, epochs)


def _check_states(root: Path, events: Mapping[str, Sequence[Envelope]]) -> None:
    """Compare what governance knows with what this test makes of the same events."""
    streams = Streams(governance_events(root))
    governance = Governance(streams=streams, causes=Causes(correlation_id="t", causation_id="t"))

    async def compare() -> None:
        latch = await governance.state(STOP_LATCH)
        open_, evaluation = None, None
        for event in said(events[STOP_LATCH.stream]):
            match event["type"].split(".")[1]:
                case "evaluated":
                    evaluation = event
                case "loop-stopped" | "incident-extended":
                    open_ = event["incident_id"]
                case "loop-recovered" | "loop-released":
                    open_ = None
                case _:
                    pass
        assert evaluation is not None
        assert (None if latch.incident is None else latch.incident.incident_id) == open_
        assert latch.streaks.stale == evaluation["staleness_streak"]
        assert latch.streaks.lane_failed == evaluation["lane_failure_streak"]
        assert latch.streaks.clean == evaluation["clean_streak"]
        drift = await governance.state(DRIFT)
        rests = {"retrain": 0, "reselection": 0}
        for event in said(events[DRIFT.stream], "drift.action-triggered.v1"):
            rests[event["action"]] = int(event["rests_until_ns"])
        assert drift.retrain_rests_until_ns == rests["retrain"]
        assert drift.reselection_rests_until_ns == rests["reselection"]
        signals = await governance.state(SIGNALS)
        assert signals.last is not None
        assert signals.last.cycle == len(
            said(events[SIGNALS.stream], "continuity.cycle-observed.v1")
        )

    asyncio.run(compare())


def _check_drift(events: Mapping[str, Sequence[Envelope]]) -> None:
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


def _check_runs(root: Path, events: Mapping[str, Sequence[Envelope]], trusted: TrustedKey) -> int:
    """Check that each run of the lane has its manifests, byte for byte as the log gives them."""
    store, log = FolderArtifacts(root), governance_events(root)
    lanes = events.get("lanes-main", [])
    started = [(one["run_id"], one["attempt"]) for one in said(lanes, "lanes.run-started.v1")]
    ended = [(one["run_id"], one["attempt"]) for one in said(lanes, "lanes.run-ended.v1")]
    assert started == ended, "a run without an end"
    assert len(set(started)) == len(started)
    for run_id, attempt in started:
        run = asyncio.run(project_run(log, run_id, attempt=attempt))
        own = [one for one in (lane_manifest_of(run), final_manifest_of(run)) if one is not None]
        assert own, "a run without a manifest"
        for manifest in own:
            body = store.read(run_manifest(manifest))
            assert body == manifest_bytes(manifest)
            assert faults_of(store, body, trusted) == []
    if started:
        run_id, attempt = started[-1]
        run = asyncio.run(project_run(log, run_id, attempt=attempt))
        assert store.read(CURRENT) == manifest_bytes(manifest_of(run))
        assert final_manifest_of(run) is not None
    return len(started)
