"""Whatever runs end, and whoever dies when: what served when it was to go is gone, on record."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.fakes.clock import HandClock
from tests.fakes.dying import Killed, MortalLog
from tests.fakes.eventlog import run
from tests.support.scheduling.serving import ROUTER, ServingDesk, Tried
from torghut.governance.ledger.ledger import ledger_stream, read_ledger_event
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.drift import CandidateRollbackDemanded
from torghut.schemas.governing.latch import LoopStopped
from torghut.schemas.governing.ledger import CandidatePromoted, PromotionReverted
from torghut.schemas.governing.rollback import RollbackSwitched, RollbackTriggered
from torghut.workflows.aggregates import DRIFT, STOP_LATCH, rollback_of

EXAMPLES: Final = settings().max_examples // 8
STEPS: Final = 12


class Term(NamedTuple):
    """A change of who serves.

    Attributes:
        since: Where in the log it stands.
        digest: Of the candidate that serves from then on; None: of none.
        run: That it was promoted by; None where another one went.
    """

    since: int
    digest: str | None
    run: Tried | None


class ChampionMachine(RuleBasedStateMachine):
    """A champion, other runs, drift, stops, releases, an API that goes away, and deaths."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = ServingDesk()
        self.log = MortalLog(clock=HandClock())
        self.desk.log = self.log
        self.desk.reopen()
        self.tried: list[Tried] = []
        self.promoted: list[Tried] = []
        self.good = True

    def _try(self, name: str) -> Tried:
        again = 1 + sum(one.name == name for one in self.tried)
        tried = Tried(name=name, run_id=f"run-{name}-{again}")
        self.tried.append(tried)
        return tried

    def _cycle(self) -> None:
        if self.good:
            self.desk.cycle()
        else:
            self.desk.stopped()

    @initialize()
    def first(self) -> None:
        """A serves, as in most histories."""
        self.promote()

    @rule()
    def promote(self) -> None:
        """A is run again, and promoted if it earns that."""
        tried = self._try("a")
        self.desk.register(tried)
        self._cycle()
        with suppress(TorghutError):
            self.desk.serves(tried)
            self.promoted.append(tried)

    @rule(fails=st.booleans())
    def run_another(self, *, fails: bool) -> None:
        """Another candidate's run ends, or breaks off."""
        self.desk.register(self._try("b"))
        self.desk.lane.breaks_after = 2 if fails else None
        self._cycle()
        self.desk.lane.breaks_after = None

    @rule(of_it=st.booleans())
    def drift(self, *, of_it: bool) -> None:
        """Performance drifts, or it does no longer."""
        self.desk.meter.changes = {}
        if of_it:
            self.desk.meter.drift("performance_net_pnl_below_floor")

    @rule(good=st.booleans())
    def stop(self, *, good: bool) -> None:
        """The loop is as bad as stops it, or as it should be."""
        self.good = good
        if good:
            changes = dict(self.desk.meter.changes)
            self.desk.well()
            self.desk.meter.changes = changes

    @rule()
    def release(self) -> None:
        """People open the latch."""
        self.desk.released()

    @rule(away=st.booleans())
    def leave(self, *, away: bool) -> None:
        """The loop's API goes away or comes back."""
        self.desk.loop.away = away

    @rule()
    def cycle(self) -> None:
        """A cycle ends as it should."""
        self._cycle()

    @rule()
    def restart(self) -> None:
        """Another process goes on."""
        self.desk.reopen()

    @rule(after=st.integers(0, 16))
    def die(self, after: int) -> None:
        """The process dies in a cycle, between two appends."""
        self.log.left = after
        with suppress(Killed):
            self._cycle()
        self.log.left = None
        self.desk.reopen()

    @rule(after=st.sampled_from([5, 5, 4, 6, 8]))
    def die_in_a_stop_that_is_released(self, after: int) -> None:
        """The process dies in the cycle that closes the latch, and people open it meanwhile."""
        self.stop(good=False)
        self.die(after)
        self.release()
        self.stop(good=True)

    @rule()
    def drift_unheard(self) -> None:
        """Performance drifts for one cycle in which the loop's API is away."""
        self.leave(away=True)
        self.drift(of_it=True)
        self._cycle()
        self.drift(of_it=False)

    def teardown(self) -> None:
        """Let everything be well, and look at what was due."""
        self.desk.loop.away = False
        self.desk.well()
        self.good = True
        for _ in range(2):
            self._cycle()
            self.desk.released()
        for _ in range(4):
            self._cycle()
        terms = list(self._terms())
        for position, digest in self._due(terms):
            self._check(position, digest, terms)
        assert self.desk.package() == self.desk.ledger().serving
        assert run(self.desk.governor.governance.state(DRIFT)).rollbacks == ()

    def _terms(self) -> Iterator[Term]:
        """Yield since when which candidate serves, and by which run it was promoted."""
        promoted = iter(self.promoted)
        for envelope in run(self.log.read_events(ledger_stream(ROUTER))):
            event = read_ledger_event(envelope)
            if isinstance(event, CandidatePromoted):
                yield Term(envelope.position, event.digest, next(promoted))
            elif isinstance(event, PromotionReverted):
                yield Term(envelope.position, event.restored, None)

    def _due(self, terms: Sequence[Term]) -> Iterator[tuple[int, str]]:
        """Yield what was demanded of whom, and who served when the loop was stopped."""
        for envelope in run(self.log.read_events(DRIFT.stream)):
            event = DRIFT.read(envelope)
            if isinstance(event, CandidateRollbackDemanded):
                yield envelope.position, event.candidate
        for envelope in run(self.log.read_events(STOP_LATCH.stream)):
            serves = [one.digest for one in terms if one.since < envelope.position]
            if isinstance(STOP_LATCH.read(envelope), LoopStopped) and serves and serves[-1]:
                yield envelope.position, serves[-1]

    def _check(self, position: int, digest: str, terms: Sequence[Term]) -> None:
        """Check that a candidate went, and that the run that it served by says so."""
        later = [one.digest for one in terms if one.since > position]
        assert later
        assert later[0] != digest
        runs = [one.run for one in terms if one.run and one.since < position]
        served = next(one for one in reversed(runs) if one.candidate.digest == digest)
        says = self.desk.says(served)
        stream = rollback_of(served.run_id, served.attempt)
        events = [stream.read(one) for one in run(self.log.read_events(stream.stream))]
        told = [one.control_id for one in events if isinstance(one, RollbackSwitched)]
        assert any(isinstance(one, RollbackTriggered) for one in events)
        assert digest in later or set(told) & set(self.desk.loop.recorded)
        assert (says.status, says.runtime_governance.reason) == ("fail", "rollback-triggered")


TestChampions = ChampionMachine.TestCase
TestChampions.settings = settings(max_examples=EXAMPLES, stateful_step_count=STEPS)
