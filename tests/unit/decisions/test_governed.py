"""Governance's heartbeat and the fence of a revision: what they let a live decision do."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.decisions.reporting import A, Feed, fresh_fold, live_feed, report_position
from tests.support.decisions.rows import SECOND_NS
from torghut.decisions.fold.identities import Known
from torghut.decisions.fold.judging import ControlRefusal
from torghut.decisions.snapshot import restore_snapshot, take_snapshot
from torghut.market.ports import Arrival
from torghut.schemas.codes import Intent, Reason
from torghut.schemas.control import (
    ControlRecord,
    GovernanceHeartbeat,
    ModeChanged,
    PackageChanged,
    RevisionFence,
    SwitchThrown,
)
from torghut.schemas.rows import DECISION

TTL_NS = 30 * SECOND_NS
OTHER = "ef" * 32


def heard(name: str, epoch: int, expires_ns: int) -> GovernanceHeartbeat:
    return GovernanceHeartbeat(control_id=name, epoch=epoch, expires_ns=expires_ns)


def fence(
    name: str, revision: str, *, decides: str = "r1", released: bool = False
) -> RevisionFence:
    return RevisionFence(
        control_id=name,
        revision=revision,
        state="released" if released else "fenced",
        decides=decides,
        reason="test",
    )


def reasons(row: np.void) -> set[Reason]:
    return {reason for reason in Reason if int(row["reasons"]) >> reason & 1}


def governed_feed() -> Feed:
    """Return a feed in live mode, flat, whose governance is heard for 30 s from now on."""
    feed = live_feed()
    feed.take(
        report_position("flat", 0.0, feed.now_ns + SECOND_NS),
        heard("g2", 2, feed.now_ns + TTL_NS),
        step_s=1.0,
    )
    return feed


def test_live_decision_opens_nothing_once_governance_is_silent() -> None:
    opened, held = (
        feed.decision(
            report_position("flat", 0.0, feed.now_ns),
            heard("g2", 2, feed.now_ns + TTL_NS),
            step_s=step_s,
        )
        for feed, step_s in ((live_feed(), 20.0), (live_feed(), 31.0))
    )

    assert (opened["intent"], Reason.GOVERNANCE_SILENT in reasons(opened)) == (Intent.BUY, False)
    assert (held["target"], Reason.GOVERNANCE_SILENT in reasons(held)) == (0.0, True)


def test_heartbeat_holds_until_it_expires_and_not_a_nanosecond_longer() -> None:
    feed = governed_feed()
    until_ns = int(feed.state["governance_until_ns"])
    rows = feed.batch([(until_ns - feed.now_ns) / SECOND_NS, 1e-9])
    rows["receive_ns"] = rows["event_ns"] = [until_ns, until_ns + 1]

    decided = feed.fold.decide(rows)

    found = np.frombuffer(decided.arms["serving"].rows, DECISION)
    assert [Reason.GOVERNANCE_SILENT in reasons(row) for row in found] == [False, True]


def test_governance_that_was_never_heard_is_silent_and_only_live_mode_cares() -> None:
    feed = Feed(fold=fresh_fold())
    paper = feed.decision()
    live = feed.decision(ModeChanged(control_id="m", mode="live", notional_cap=1e6))
    shadow = feed.decision(ModeChanged(control_id="s", mode="shadow", notional_cap=1e6))

    silent = [Reason.GOVERNANCE_SILENT in reasons(row) for row in (paper, live, shadow)]
    assert silent == [False, True, False]


def test_who_lost_the_lease_is_refused_and_changes_nothing() -> None:
    feed = governed_feed()
    late = heard("g1", 1, feed.now_ns + 1000 * TTL_NS)

    assert feed.fold.judge(late) is ControlRefusal.EPOCH_FENCED
    row = feed.decision(late, step_s=60.0)

    assert Reason.GOVERNANCE_SILENT in reasons(row)
    assert [one.code for one in feed.decided[-1].refused] == ["control.epoch-fenced"]
    restored = fresh_fold()
    restore_snapshot(restored, take_snapshot(feed.fold))
    assert restored.judge(late) is ControlRefusal.EPOCH_FENCED


def test_newer_holder_decides_how_long_it_is_heard() -> None:
    feed = governed_feed()
    row = feed.decision(heard("g3", 3, feed.now_ns + 2 * SECOND_NS), step_s=3.0)

    assert Reason.GOVERNANCE_SILENT in reasons(row)


def test_silent_symbol_and_memory_keep_the_newest_heartbeat_only() -> None:
    feed = governed_feed()
    for beat in range(50):
        record = heard(f"beat-{beat}", 2, feed.now_ns + beat * SECOND_NS)
        feed.fold.decide(feed.batch([])[:0], [Arrival(row=0, record=record)])

    held = [one.record.control_id for one in feed.fold.pending(A)]
    beats = {one for one in feed.fold.waiting.standing if one.record.kind == "governance-heartbeat"}
    assert held == ["beat-49"]
    assert {one.record.control_id for one in beats} == {"beat-49"}
    assert feed.fold.judge(heard("beat-49", 2, feed.now_ns + 49 * SECOND_NS)) is Known.REPEATED
    assert len(feed.fold.identities.taken) < 10


@pytest.mark.parametrize("mode", ["paper", "live", "shadow"])
def test_decisions_abstain_while_the_revision_that_decides_is_fenced(mode: str) -> None:
    feed = governed_feed()
    record = ModeChanged.model_validate({"control_id": mode, "mode": mode, "notional_cap": 1e6})

    fenced = feed.decision(record, fence("f", "r1"))
    released = feed.decision(fence("r", "r1", released=True))

    assert (fenced["intent"], Reason.REVISION_FENCED in reasons(fenced)) == (Intent.ABSTAIN, True)
    assert (released["intent"] != Intent.ABSTAIN, reasons(released) & {Reason.REVISION_FENCED}) == (
        True,
        set(),
    )


COURSES: list[tuple[list[RevisionFence], bool]] = [
    ([fence("a", "r1")], True),
    ([fence("a", "r2")], False),
    ([fence("a", "r1"), fence("b", "r1", decides="r0")], False),
    ([fence("a", "r1"), fence("b", "r1", decides="r0"), fence("c", "r1")], True),
    ([fence("a", "r1"), fence("b", "r2", released=True)], True),
    ([fence("a", "r2", decides="r1"), fence("b", "r1"), fence("c", "r2", released=True)], True),
    ([fence("a", "r1"), fence("b", "r1", released=True)], False),
]


@pytest.mark.parametrize(("course", "fenced"), COURSES)
def test_a_fence_holds_for_the_revision_that_decides_and_for_newborn_symbols_alike(
    course: list[RevisionFence],
    fenced: bool,  # noqa: FBT001
) -> None:
    feed, late = Feed(fold=fresh_fold()), Feed(fold=fresh_fold())
    feed.take()
    for record in course:
        feed.take(record)
        late.fold.decide(late.batch([])[:0], [Arrival(row=0, record=record)])

    rows = [feed.decision(), late.decision()]

    assert [Reason.REVISION_FENCED in reasons(row) for row in rows] == [fenced, fenced]


def promoted(name: str, package: str | None, previous: str | None = None) -> PackageChanged:
    return PackageChanged(control_id=name, router="fx-intraday", package=package, previous=previous)


def going_back(*records: ControlRecord) -> tuple[str, str]:
    """Return the newest package and the one before it once ``records`` were taken."""
    feed = Feed(fold=fresh_fold())
    genesis = feed.fold.promoted.newest("fx-intraday")
    names = {genesis: "genesis", "": ""}
    for one in ("aa" * 32, "bb" * 32):
        feed.fold.packages[one] = feed.fold.packages[genesis]
        names[one] = one[:1]
    decided = feed.fold.decide(feed.batch([1.0]), [Arrival(row=0, record=one) for one in records])
    assert decided.refused == []
    restored = fresh_fold()
    restored.packages.update(feed.fold.packages)
    restore_snapshot(restored, take_snapshot(feed.fold))
    assert restored.promoted == feed.fold.promoted
    promoted = feed.fold.promoted
    return names[promoted.newest("fx-intraday")], names[promoted.previous("fx-intraday")]


PAST: list[tuple[list[PackageChanged], tuple[str, str]]] = [
    ([], ("genesis", "")),
    ([promoted("1", "aa" * 32)], ("a", "genesis")),
    ([promoted("1", "aa" * 32), promoted("2", "bb" * 32)], ("b", "a")),
    # A rollback ends what it goes back from: reverting after it must not bring that again.
    ([promoted("1", "aa" * 32), promoted("2", "bb" * 32), promoted("3", "aa" * 32)],
     ("a", "genesis")),
    ([promoted("1", "bb" * 32, previous="aa" * 32)], ("b", "a")),
    ([promoted("1", None)], ("", "")),
    ([promoted("1", None), promoted("2", "aa" * 32)], ("a", "genesis")),
]  # fmt: skip


@pytest.mark.parametrize(("records", "expected"), PAST)
def test_the_package_to_go_back_to_is_the_one_promoted_before(
    records: list[PackageChanged], expected: tuple[str, str]
) -> None:
    assert going_back(*records) == expected


def test_packages_change_only_by_the_switch_while_it_is_thrown() -> None:
    feed = Feed(fold=fresh_fold())
    thrown = SwitchThrown(control_id="s", name="revert-packages", state="thrown", reason="test")
    released = SwitchThrown(control_id="r", name="revert-packages", state="released", reason="test")

    feed.take(thrown, promoted("p", None))
    refused = [one.code for one in feed.decided[-1].refused]
    feed.take(promoted("switch:revert-packages:t:fx-intraday", None))

    assert refused == ["control.packages-reverted"]
    assert feed.fold.symbols[0].package == ""
    assert feed.fold.promoted.newest("fx-intraday") != ""
    feed.take(released, promoted("q", None))
    assert feed.decided[-1].refused == []


def test_package_whose_predecessor_is_not_here_is_refused() -> None:
    feed = Feed(fold=fresh_fold())

    assert feed.fold.judge(promoted("p", None, previous=OTHER)) is ControlRefusal.PACKAGE_UNKNOWN
