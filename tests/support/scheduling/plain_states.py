"""What governance knows, beside what a plain reading makes of the same events.

Governance folds its streams by its own deciders. Here the bodies are read one by one, by hand, and
none of that code is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Final

from tests.support.governance.governance_events import Event, Events, said
from torghut.governance.approvals.signing import SIGNED_APPROVAL
from torghut.governance.approvals.state import ApprovalState
from torghut.governance.safety.canary import CANARY
from torghut.schemas.governing.approvals import APPROVAL_EVENT
from torghut.schemas.governing.canary import CANARY_EVENT
from torghut.schemas.types import Message
from torghut.workflows.aggregates import DRIFT, SIGNALS, STOP_LATCH, Aggregate, Governance

CANARIES: Final = "canary-"
APPROVALS: Final = "approval-"
_PATCH: Final = "rollout.strategy-patch.v1"
_NOT_PRODUCED: Final = {"paper": ("fail", "patch-missing"), "live": ("skip", "patch-missing")}


async def check_latch_state(governance: Governance, events: Events) -> None:
    """Check the stop latch, and its streaks."""
    latch = await governance.state(STOP_LATCH)
    open_, streaks = None, (0, 0, 0)
    for event in said(events[STOP_LATCH.stream]):
        match event["type"].split(".")[1]:
            case "evaluated":
                names = ("staleness_streak", "lane_failure_streak", "clean_streak")
                streaks = tuple(event[name] for name in names)
            case "loop-stopped" | "incident-extended":
                open_ = event["incident_id"]
            case "loop-recovered":
                open_ = None
            case "loop-released":
                open_, streaks = None, (0, 0, 0)
            case _:
                pass
    assert (None if latch.incident is None else latch.incident.incident_id) == open_
    assert (latch.streaks.stale, latch.streaks.lane_failed, latch.streaks.clean) == streaks


async def check_drift_state(governance: Governance, events: Events) -> None:
    """Check until when the actions of drift rest, and how many cycles were observed."""
    drift = await governance.state(DRIFT)
    rests = {"retrain": 0, "reselection": 0}
    for event in said(events[DRIFT.stream], "drift.action-triggered.v1"):
        rests[event["action"]] = int(event["rests_until_ns"])
    assert drift.retrain_rests_until_ns == rests["retrain"]
    assert drift.reselection_rests_until_ns == rests["reselection"]
    signals = await governance.state(SIGNALS)
    assert signals.last is not None
    assert signals.last.cycle == len(said(events[SIGNALS.stream], "continuity.cycle-observed.v1"))


async def check_canaries(governance: Governance, events: Events) -> Counter[str]:
    """Check each canary, and return how many there are, and how many of them pass."""
    found = Counter[str]()
    for name in events:
        if name.startswith(CANARIES):
            stream = Aggregate(stream=name, decider=CANARY, events=CANARY_EVENT)
            state, plain = await governance.state(stream), _plain_canary(name, events)
            assert (_dumped(state.patch), _dumped(state.judged)) == plain, name
            found["canaries"] += 1
            found["canaries that pass"] += plain[1] is not None and plain[1]["status"] == "pass"
    return found


def _plain_canary(name: str, events: Events) -> tuple[Event | None, Event | None]:
    """Return the patch of a canary and its last judgement, each following from what was before."""
    patch, last = None, None
    for event in said(events[name]):
        if event["type"] == "canary.patch-produced.v1":
            assert (patch, last) == (None, None), "a patch is produced once, and then judged"
            patch = event
            continue
        assert event["type"] == "canary.judged.v1"
        assert event["judgement"] == (1 if last is None else last["judgement"] + 1)
        assert last is None or event["found"] != last["found"], "the same is not judged again"
        if patch is None:
            expected, completion = _NOT_PRODUCED[event["target"]], None
        elif event["found"] == "verified":
            expected, completion = ("pass", "patch-verified"), patch["patch"]
        else:
            expected, completion = ("fail", "patch-unverified"), None
        assert (event["status"], event["reason"]) == expected
        assert event["completion"] == completion
        last = event
    assert (None if patch is None else patch["patch"]) == _written(name, events)
    return patch, last


def _written(name: str, events: Events) -> Mapping[str, str] | None:
    """Return the patch that the lane says it has written for a canary; None for none."""
    rollout = events[name.replace(CANARIES, "rollout-", 1)]
    (phase,) = [
        one for one in said(rollout, "rollout.phase-recorded.v1") if one["phase"] == "paper-canary"
    ]
    found = [one for one in phase["artifact_refs"] if one["schema"] == _PATCH]
    return {name: found[0][name] for name in ("path", "sha256")} if found else None


async def check_approvals(governance: Governance, events: Events) -> Counter[str]:
    """Check each approval, and return how many there are, and how they were answered."""
    found = Counter[str]()
    for name in events:
        if name.startswith(APPROVALS):
            stream = Aggregate(stream=name, decider=SIGNED_APPROVAL, events=APPROVAL_EVENT)
            state = await governance.state(stream)
            plain = _plain_approval(name, events)
            assert _told(state) == plain, name
            found["approvals"] += 1
            found["grants"] += len(plain["granted"])
            found["denials"] += plain["denied"] is not None
            found["revocations"] += plain["revoked"] is not None
    return found


def _plain_approval(name: str, events: Events) -> dict[str, Any]:
    """Return what an approval comes to; each answer is signed by whoever it says, and in its turn.

    The author grants nothing, nor does anybody whose role may not, and what is over stays over.
    """
    history = said(events[name])
    assert [one["type"] == "approvals.signed.v1" for one in history] == [
        bool(number % 2) for number in range(len(history))
    ], "a signature after each answer"
    plain: dict[str, Any] = {"requested": None, "granted": [], "denied": None, "revoked": None}
    for answer, signature in zip(history[::2], history[1::2], strict=True):
        verb = answer["type"].split(".")[1]
        assert (verb == "requested") == (plain["requested"] is None), "what is asked is asked once"
        assert (plain["denied"], plain["revoked"]) == (None, None), "it was over"
        who = answer[{"requested": "author", "granted": "approver"}.get(verb, "person")]
        assert signature["person"] == who
        assert signature["verb"] == _VERBS[verb]
        if verb == "granted":
            assert who["key"] != plain["requested"]["author"]["key"]
            assert (who["name"], answer["role"]) == ("production", "production")
            assert answer["promotion"] == plain["requested"]["promotion"]
            plain["granted"].append(answer)
        else:
            assert verb != "revoked" or plain["granted"], "nothing was granted"
            plain[verb] = answer
    times = [int(one["at_ns"]) for one in history]
    assert all(a <= b for a, b in pairwise(times))
    return plain


_VERBS: Final = {"requested": "request", "granted": "grant", "denied": "deny", "revoked": "revoke"}
"""What was signed, by what happened."""


def _told(state: ApprovalState) -> Mapping[str, object]:
    """Return what governance makes of an approval, as events tell it."""
    assert state.used is None, "nobody promoted anything"
    return {
        "requested": _dumped(state.requested),
        "granted": [_dumped(one) for one in state.grants],
        "denied": _dumped(state.denied),
        "revoked": _dumped(state.revoked),
    }


def _dumped(message: Message | None) -> object:
    """Return a message as its event's body has it."""
    return None if message is None else message.model_dump(mode="json")
