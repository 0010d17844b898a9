"""Whoever says what in whatever order, one promotion at most, and never on the author's word."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.governance.approving import (
    DAY_S,
    EVE,
    approval,
    deny,
    grant,
    manifest,
    policy,
    request,
    revoke,
    use,
)
from tests.support.governance.governing import ANN, BEN, SECOND_NS, START_NS
from torghut.governance.approvals.approval import ApprovalCommand
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.approvals import (
    ApprovalDenied,
    ApprovalGranted,
    ApprovalRequested,
    ApprovalRevoked,
    ApprovalSigned,
    ApprovalUsed,
)
from torghut.schemas.governing.fields import Person

PEOPLE: Final = st.sampled_from([ANN, BEN, EVE, Person(name="ben-too", key=BEN.key)])


class ApprovalMachine(RuleBasedStateMachine):
    """Requests, answers and promotions by anybody, deliveries twice, deaths, a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = approval()
        self.now_ns = START_NS
        self.sent: list[ApprovalCommand] = []

    def _send(self, command: ApprovalCommand) -> None:
        self.sent.append(command)
        self.stream.attempt(replace(command, at_ns=self.now_ns))
        kept = len(self.stream.bodies)
        self.stream.attempt(replace(command, at_ns=self.now_ns))
        assert len(self.stream.bodies) == kept

    @rule(who=st.sampled_from([ANN, BEN]), final=st.sampled_from([True, True, False]))
    def request(self, who: Person, *, final: bool) -> None:
        """Somebody asks."""
        facts = manifest("paper", finalised=final)
        self._send(replace(request(), author=who, manifest=facts))

    @rule(who=PEOPLE, for_s=st.sampled_from([60, 3600, DAY_S, DAY_S + 1]), may=st.booleans())
    def grant(self, who: Person, for_s: int, *, may: bool) -> None:
        """Somebody grants, who may or may not."""
        command = grant(who=who)
        self._send(
            replace(
                command,
                expires_at_ns=self.now_ns + for_s * SECOND_NS,
                roles=frozenset({"production"} if may else {"model"}),
            )
        )

    @rule(who=PEOPLE)
    def deny(self, who: Person) -> None:
        """Somebody says no."""
        if len(self.sent) % 3 == 0:
            self._send(replace(deny(), person=who))

    @rule(who=PEOPLE)
    def revoke(self, who: Person) -> None:
        """Somebody takes it back."""
        if len(self.sent) % 3 == 0:
            self._send(replace(revoke(), person=who))

    @rule(which=st.sampled_from(["one", "two"]), needed=st.sampled_from([1, 2]))
    def use(self, which: str, needed: int) -> None:
        """Somebody promotes."""
        self._send(replace(use(promotion_id=which), policy=policy(grants_required=needed)))

    @rule(which=st.integers(0, 5))
    def deliver_again(self, which: int) -> None:
        """A command comes again, late."""
        if self.sent:
            outcome = self.stream.attempt(self.sent[-1 - which % len(self.sent)])
            assert isinstance(outcome, TorghutError) or len(outcome) <= 1

    @rule(by_s=st.sampled_from([30, 3600, 100_000, -3600, -(10**9)]))
    def jump(self, by_s: int) -> None:
        """The clock jumps."""
        self.now_ns = max(0, self.now_ns + by_s * SECOND_NS)

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.stream.restart()

    @invariant()
    def one_promotion_by_others_while_they_approve(self) -> None:
        """Read the history plainly."""
        author = ""
        over = False
        holding: dict[str, int] = {}
        for event in self.stream.events():
            assert not over, "nothing follows what ends an approval"
            match event:
                case ApprovalRequested():
                    assert author == ""
                    author = event.author.key
                case ApprovalGranted():
                    assert event.approver.key != author
                    assert event.at_ns < event.expires_at_ns <= event.at_ns + DAY_S * SECOND_NS
                    holding[event.approver.key] = event.expires_at_ns
                case ApprovalDenied() | ApprovalRevoked():
                    over = True
                case ApprovalUsed():
                    over = True
                    keys = [one.key for one in event.approvers]
                    assert len(set(keys)) == len(keys) >= 1
                    assert all(event.at_ns < holding[key] for key in keys)
                case ApprovalSigned():
                    raise AssertionError  # nothing was signed here


TestApproval = ApprovalMachine.TestCase
