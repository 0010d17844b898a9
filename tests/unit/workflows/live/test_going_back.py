"""What throws and releases of two switches put on record besides, and what a takeover does."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.clock import HandClock
from tests.fakes.live import SwitchFiles, silent_witness
from tests.support.decisions.reporting import Feed, fresh_fold
from torghut.market.ports import Arrival
from torghut.schemas.codes import Reason
from torghut.schemas.control import ControlRecord, PackageChanged, RevisionFence, SwitchThrown
from torghut.workflows.live.loop.in_force import thrown_switches
from torghut.workflows.live.switching import Switchboard

ROUTER = "fx-intraday"
NEWER = "aa" * 32


def board(revision: str) -> Switchboard:
    return Switchboard(wall=HandClock(), witness=silent_witness(), revision=revision)


@dataclass(slots=True)
class Loop:
    """A fold whose worker looks at switch files; it may be another revision's at any time."""

    feed: Feed = field(default_factory=lambda: Feed(fold=fresh_fold()))
    folder: SwitchFiles = field(default_factory=SwitchFiles)
    board: Switchboard = field(default_factory=lambda: board("r1"))
    recorded: list[ControlRecord] = field(default_factory=list)

    def record(self, *records: ControlRecord) -> list[str]:
        """Let records come before the next context; return the codes of those refused."""
        arrivals = [Arrival(row=0, record=one) for one in records]
        decided = self.feed.fold.decide(self.feed.batch([1.0]), arrivals)
        self.feed.decided.append(decided)
        received = [one.record for one in decided.received]
        self.recorded += received
        self.board.note(received)
        return [one.code for one in decided.refused]

    def look(self) -> None:
        """Look at the files and make durable what is new."""
        self.record(*self.board.look(self.folder.thrown(), self.feed.fold))

    def run(self, revision: str) -> None:
        """Let a worker of a revision take the log over."""
        self.board = board(revision)
        self.look()

    def release(self, name: str, number: int = 0) -> None:
        """Release a switch by a record alone; what goes with it comes at the next look."""
        body = {"name": name, "state": "released", "reason": "r", "control_id": f"rel{number}"}
        self.record(SwitchThrown.model_validate(body))
        self.look()

    @property
    def fenced(self) -> bool:
        """Whether the next decision abstains."""
        row = self.feed.decision()
        return bool(int(row["reasons"]) >> Reason.REVISION_FENCED & 1)

    @property
    def package(self) -> str:
        """What serves."""
        return self.feed.fold.symbols[0].package


def test_reverting_serves_the_package_before_and_the_release_the_newest_again() -> None:
    loop = Loop()
    genesis = loop.feed.fold.promoted.newest(ROUTER)
    loop.feed.fold.packages[NEWER] = loop.feed.fold.packages[genesis]
    loop.record(PackageChanged(control_id="p", router=ROUTER, package=NEWER))
    assert loop.package == NEWER

    loop.folder.throw("revert-packages", "t1", reason="worse fills")
    loop.look()

    assert loop.package == genesis
    assert loop.record(PackageChanged(control_id="q", router=ROUTER, package=NEWER)) == [
        "control.packages-reverted"
    ]
    loop.run("r1")
    assert loop.package == genesis
    loop.release("revert-packages")
    assert loop.package == NEWER


def test_without_a_package_before_none_serves_and_the_record_says_why() -> None:
    loop = Loop()
    loop.look()
    loop.folder.throw("revert-packages", "t1", reason="worse fills")
    loop.look()

    (change,) = [one for one in loop.recorded if isinstance(one, PackageChanged)]
    assert (loop.package, change.package) == ("", None)
    assert change.reason == (
        "switch revert-packages: no package was promoted before, the defensive weights serve; "
        "worse fills (thrown by somebody@here)"
    )


def test_a_throw_on_the_record_alone_is_made_whole_at_the_next_look() -> None:
    loop = Loop()
    for name in ("revert-packages", "last-stable-revision"):
        body = {"name": name, "state": "thrown", "reason": "r", "control_id": f"api-{name}"}
        loop.record(SwitchThrown.model_validate(body))

    loop.look()
    loop.look()

    assert (loop.package, loop.fenced) == ("", True)
    kinds = [one.kind for one in loop.recorded]
    assert kinds == ["switch", "switch", "package-changed", "revision-fence"]


def test_a_crash_between_the_throw_and_what_goes_with_it_loses_nothing() -> None:
    loop = Loop()
    loop.look()
    loop.folder.throw("last-stable-revision", "t1")
    first, *_ = loop.board.look(loop.folder.thrown(), loop.feed.fold)
    loop.record(first)  # a kill comes before the others

    loop.run("r1")

    assert loop.fenced


def test_a_fence_that_names_revisions_is_for_them_alone() -> None:
    loop = Loop()
    loop.folder.throw("last-stable-revision", "t1", revisions=("r1", "r7"))
    loop.look()
    found = [loop.fenced]
    for revision in ("r2", "r7", "r2", "r1"):
        loop.run(revision)
        found.append(loop.fenced)

    assert found == [True, False, True, False, True]


def test_a_log_that_begins_later_is_not_fenced_for_another_revision() -> None:
    loop = Loop(board=board("r2"))
    loop.folder.throw("last-stable-revision", "t1", revisions=("r1",))
    loop.look()

    assert not loop.fenced
    assert "last-stable-revision" in thrown_switches(loop.feed.fold)
    loop.folder.files.clear()
    loop.run("r2")
    assert not loop.fenced


def test_a_fence_on_the_record_by_itself_is_not_released_with_the_switch() -> None:
    loop = Loop()
    loop.record(
        RevisionFence(
            control_id="own", revision="r1", state="fenced", decides="r1", reason="by hand"
        )
    )
    loop.folder.throw("stop", "t1")
    loop.look()
    loop.release("last-stable-revision")

    assert loop.fenced


def test_fencing_another_revision_does_not_let_this_one_go() -> None:
    loop = Loop()
    loop.folder.throw("last-stable-revision", "t1")
    loop.look()
    loop.folder.files.clear()
    loop.folder.throw("last-stable-revision", "t2", revisions=("r2",))
    loop.look()

    assert loop.fenced


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("run"), st.sampled_from(["r1", "r2"])),
        st.tuples(st.just("throw"), st.sampled_from(["", "r1", "r2"])),
        st.tuples(st.just("release"), st.just("")),
        st.tuples(st.just("remove"), st.just("")),
    ),
    max_size=12,
)


@settings(max_examples=30, deadline=None)
@given(STEPS)
def test_decisions_abstain_exactly_while_the_revision_that_decides_is_fenced(
    steps: list[tuple[str, str]],
) -> None:
    loop, running, fenced = Loop(), "r1", set[str]()
    for number, (what, which) in enumerate(steps):
        match what:
            case "run":
                running = which
                loop.run(which)
            case "throw" if "last-stable-revision" not in loop.folder.files:
                named = (which,) if which else ()
                loop.folder.throw("last-stable-revision", f"t{number}", revisions=named)
                loop.look()
                fenced |= {which or running}
            case "release":
                loop.folder.files.clear()
                loop.release("last-stable-revision", number)
                fenced.clear()
            case "remove":
                loop.folder.files.clear()
            case _:
                pass  # thrown already
        assert loop.fenced == (running in fenced), steps[: number + 1]
    assert len({one.control_id for one in loop.recorded}) == len(loop.recorded)
    assert np.all(loop.feed.fold.arms["serving"]["inputs"] > 0) or not steps
