"""Whoever promotes and reverts in whatever order: one champion, and the way back is exact."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.governance.promoting import (
    demote,
    facts,
    ledger,
    promote,
    register,
    retain,
    take_back,
)
from torghut.governance.ledger.ledger import ROLLBACKS_MAX, LedgerCommand
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.ledger import (
    CandidateDemoted,
    CandidatePromoted,
    CandidateRegistered,
    ChampionRetained,
    PromotionReverted,
)
from torghut.schemas.rollout.phases import Target

NAMES: Final = st.sampled_from("abc")
AGO: Final = st.sampled_from([0, 0, 0, 1, 2])
"""How many changes ago somebody looked who changes something now."""


def left(office: list[str | None], event: PromotionReverted) -> list[str | None]:
    """Return who held office one after the other, once the last of them is taken back."""
    *before, last = office
    assert last == event.digest
    kept = [one for one in before if not event.quarantined or one != event.digest]
    return [one for place, one in enumerate(kept) if not place or kept[place - 1] != one] or [None]


class LedgerMachine(RuleBasedStateMachine):
    """Trials, promotions and reverts by anybody, deliveries twice, deaths, a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = ledger("a", "b")
        self.now_ns = START_NS
        self.runs = 0
        self.sent: list[LedgerCommand] = []

    def _send(self, command: LedgerCommand) -> None:
        command = replace(command, at_ns=self.now_ns)
        self.sent.append(command)
        self.stream.attempt(command)
        kept = len(self.stream.bodies)
        again = self.stream.attempt(command)
        assert isinstance(again, TorghutError) or not again
        assert len(self.stream.bodies) == kept

    @rule(name=NAMES, again=st.booleans())
    def register(self, name: str, *, again: bool) -> None:
        """A run tries a candidate, or is told twice."""
        self.runs += not again
        self._send(register(name, run=f"run-{name}-{self.runs}"))

    @rule(name=NAMES, ago=AGO, fit=AGO, to_live=st.sampled_from([False, False, True]))
    def promote(self, name: str, ago: int, fit: int, *, to_live: bool) -> None:
        """Somebody promotes who saw the ledger some changes ago, with or without a fit manifest."""
        self.runs += 1
        version = max(0, self.stream.state.version - ago)
        target: Target = "live" if to_live else "paper"
        command = promote(name, version, run=f"-{self.runs}", target=target)
        if fit == 2:
            command = replace(command, manifest=facts(name, target, signed=False))
        before = self.stream.state.version
        self._send(command)
        if ago and before >= ago:
            assert self.stream.state.version == before, "a stale look changes nothing"

    @rule(ago=AGO, same=st.booleans())
    def revert(self, ago: int, *, same: bool) -> None:
        """Somebody takes the champion back."""
        self.runs += not same
        state = self.stream.state
        command = take_back(max(0, state.version - ago), cause=f"incident-{self.runs}")
        known = command.cause in state.reverts
        self._send(command)
        after = self.stream.state
        if after.version != state.version:
            assert not known
            assert after.champion is not None
            expected = state.before[-1] if state.before else None
            assert expected is None or after.champion == expected

    @rule(names=st.lists(NAMES, min_size=1, max_size=4))
    def serve_in_turn(self, names: list[str]) -> None:
        """One after the other serves, each promoted by somebody who looked just before."""
        for name in names:
            self.promote(name, 0, 0, to_live=False)

    @rule(name=NAMES)
    def serve_in_vain(self, name: str) -> None:
        """One serves and is taken back at once; the second time is the last."""
        self.promote(name, 0, 0, to_live=False)
        self.revert(0, same=False)

    @rule(name=NAMES)
    def retain(self, name: str) -> None:
        """A candidate lost."""
        self._send(retain(name))

    @rule(name=NAMES)
    def demote(self, name: str) -> None:
        """A candidate is withdrawn."""
        self._send(demote(name))

    @rule(which=st.integers(0, 7))
    def deliver_again(self, which: int) -> None:
        """A command comes again, late: it changes nothing, or is refused."""
        if self.sent:
            version = self.stream.state.version
            command = self.sent[-1 - which % len(self.sent)]
            self.stream.attempt(command)
            assert self.stream.state.version in (version, version + 1)

    @rule(by_s=st.sampled_from([30, 3600, -3600, -(10**9)]))
    def jump(self, by_s: int) -> None:
        """The clock jumps."""
        self.now_ns = max(0, self.now_ns + by_s * SECOND_NS)

    @rule()
    def restart(self) -> None:
        """The process dies; its successor knows what the events say."""
        self.stream.restart()

    @invariant()
    def one_champion_at_most(self) -> None:
        """The aliases and the roles say the same, and nobody serves who may not."""
        state = self.stream.state
        champions = [d for d, one in state.candidates.items() if one.role == "champion"]
        digest = state.digest_of("champion")
        assert champions == ([] if digest is None else [digest])
        assert state.digest_of("challenger") not in champions or not champions
        quarantined = {d for d, one in state.candidates.items() if one.role == "quarantined"}
        assert digest not in quarantined
        assert not quarantined & {term.digest for term in state.before}
        for one in state.candidates.values():
            assert (one.rollbacks >= ROLLBACKS_MAX) == (one.role == "quarantined")

    @invariant()
    def the_history_read_plainly(self) -> None:
        """Read the events without the decider: who serves, and how often it was tried."""
        office: list[str | None] = [None]
        version = 0
        runs: set[str] = set()
        for event in self.stream.events():
            match event:
                case CandidateRegistered():
                    runs.add(event.run_id)
                    assert event.trial == len(runs)
                case CandidatePromoted():
                    version += 1
                    assert event.version == version
                    assert (event.approval is None) == (event.target == "paper")
                    if office[-1] != event.digest:
                        office.append(event.digest)
                case PromotionReverted():
                    version += 1
                    assert event.version == version
                    office = left(office, event)
                    assert event.restored == office[-1]
                case CandidateDemoted() | ChampionRetained():
                    assert office[-1] != event.digest
        assert self.stream.state.digest_of("champion") == office[-1]
        assert self.stream.state.trials == len(runs)


TestLedger = LedgerMachine.TestCase
