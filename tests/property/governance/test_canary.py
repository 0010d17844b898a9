"""Whatever comes, a canary passes only with the one patch on record, found as it was written."""

from __future__ import annotations

from typing import Final, get_args

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.governance.governing import START_NS, Memory
from torghut.governance.safety.canary import (
    CANARY,
    CanaryCommand,
    CanaryState,
    JudgeCanary,
    ProducePatch,
)
from torghut.schemas.governing.canary import (
    CANARY_EVENT,
    CanaryEvent,
    CanaryJudged,
    PatchProduced,
)
from torghut.schemas.governing.fields import Evidence, Found
from torghut.schemas.rollout.phases import Target

PATCHES: Final = tuple(Evidence(path="patch.json", sha256=one * 64) for one in "ab")
CANDIDATES: Final = st.sampled_from(["cd" * 32, "cd" * 32, "ef" * 32])


class CanaryMachine(RuleBasedStateMachine):
    """Patches, judgements, deliveries twice, deaths, and a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.memory: Memory[CanaryCommand, CanaryEvent, CanaryState] = Memory(CANARY, CANARY_EVENT)
        self.now_ns = START_NS

    @rule(candidate=CANDIDATES, patch=st.sampled_from(PATCHES))
    def produce(self, candidate: str, patch: Evidence) -> None:
        """The lane writes a patch."""
        command = ProducePatch(run_id="run-1", candidate=candidate, patch=patch, at_ns=self.now_ns)
        self.memory.attempt(command)
        kept = len(self.memory.bodies)
        self.memory.attempt(command)
        assert len(self.memory.bodies) == kept

    @rule(
        candidate=CANDIDATES,
        wanted=st.sampled_from(get_args(Target)),
        found=st.sampled_from([None, "verified", *get_args(Found)]),
        skipped=st.sampled_from([1, 1, 1, 0, 2]),
    )
    def judge(self, candidate: str, wanted: Target, found: Found | None, skipped: int) -> None:
        """The phase is judged, now and then under a wrong number."""
        last = self.memory.state.judged
        command = JudgeCanary(
            run_id="run-1",
            candidate=candidate,
            judgement=(0 if last is None else last.judgement) + skipped,
            target=wanted,
            found=found,
            at_ns=self.now_ns,
        )
        self.memory.attempt(command)
        kept = len(self.memory.bodies)
        self.memory.attempt(command)
        assert len(self.memory.bodies) == kept

    @rule(by_ns=st.integers(-(10**12), 10**12))
    def jump(self, by_ns: int) -> None:
        """The clock jumps."""
        self.now_ns = max(0, self.now_ns + by_ns)

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.memory.restart()

    @invariant()
    def every_judgement_is_as_the_document_says(self) -> None:
        """Read the history plainly."""
        patch: Evidence | None = None
        candidates: set[str] = set()
        for event in self.memory.events():
            candidates.add(event.candidate)
            match event:
                case PatchProduced():
                    assert patch is None
                    patch = event.patch
                case CanaryJudged():
                    passed = patch is not None and event.found == "verified"
                    missing = "fail" if event.target == "paper" else "skip"
                    other = missing if patch is None else "fail"
                    assert event.status == ("pass" if passed else other)
                    assert event.completion == (patch if passed else None)
        assert len(candidates) <= 1


TestCanary = CanaryMachine.TestCase
