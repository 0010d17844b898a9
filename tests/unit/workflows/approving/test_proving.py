"""What only stands in the log proves no promotion, and a stop that stands before one undoes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from decimal import Decimal
from functools import cache
from typing import Final

import pytest
from typing_extensions import override

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.support.governance.approving import CANDIDATE
from tests.support.governance.governing import SECOND_NS, START_NS, readings, safety_policy
from tests.support.governance.promoting import (
    ROLES_OF,
    ROLLED_OUT,
    Grounds,
    candidate,
    claim,
    office,
    record_runs,
    shown,
    signing,
    someone,
)
from tests.unit.workflows.approving.test_answering import ask, log_with_candidate
from tests.unit.workflows.approving.test_promoting import approved
from torghut.eventlog.envelopes import Causes, Envelope
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.approvals.errors import (
    ExpiredError,
    GrantsMissingError,
    MakerUnknownError,
    NotionalCapExceededError,
    NotRequestedError,
    UseTooOldError,
)
from torghut.governance.cycles.cycle import BeginCycle
from torghut.governance.ledger.errors import ApprovalMissingError, PromotionUnprovenError
from torghut.governance.ledger.ledger import ledger_stream, promotion_id
from torghut.governance.safety.latch import EvaluateSafety
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.approvals import ApprovalUsed, Promotion
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.governing.ledger import CandidatePromoted
from torghut.schemas.types import Message
from torghut.workflows.aggregates import CYCLE_RECORD, LATCH_NAME, STOP_LATCH, Governance
from torghut.workflows.approving.answering import answer_approval
from torghut.workflows.approving.errors import StopHoldsError
from torghut.workflows.approving.office import Office, approval_stream
from torghut.workflows.approving.promoting import Changed, promote, register_candidate, revert
from torghut.workflows.approving.proving import promotion_on_record
from torghut.workflows.streams import Streams

ROUTER: Final = "index-daily"
HOUR_S: Final = 3600
RAN_LIVE: Final = shown("live")
"""The manifest of the candidate's live run."""

LIVE: Final = promotion_id(ROUTER, CANDIDATE, "live", RAN_LIVE.document.content_hash)
"""Names the candidate's promotion to live."""


class PacedLog(InMemoryLog):
    """Calls what it is told to before each step that somebody takes at it.

    Attributes:
        before: Called with the number of the step; None: nothing is.
    """

    before: Callable[[int], Awaitable[None]] | None = None
    steps: int = 0

    async def _step(self) -> None:
        if self.before is not None:
            told, self.before = self.before, None
            await told(self.steps)
            self.steps, self.before = self.steps + 1, told

    @override
    async def append_events(
        self, stream: str, events: Sequence[Message], /, *, expected_version: int, causes: Causes
    ) -> int:
        await self._step()
        return await super().append_events(
            stream, events, expected_version=expected_version, causes=causes
        )

    @override
    async def read_events(self, stream: str, /, *, after: int = 0) -> Sequence[Envelope]:
        await self._step()
        return await super().read_events(stream, after=after)


class KilledError(Exception):
    """The process is dead."""


def to_live(place: Office, approval: str | None, *, cap: int | None = None) -> Changed:
    """Promote the candidate to live."""
    notional_cap = None if cap is None else Decimal(cap)
    return run(
        promote(place, RAN_LIVE, grounds=Grounds(), approval=approval, notional_cap=notional_cap)
    )


def used_and_killed(*, after_s: int = 0) -> tuple[InMemoryLog, str]:
    """Return a log in which an approval was used up by a promotion that died of it."""
    log, approval = paced()

    async def kill(_: int) -> None:
        if (await office(log).approval(approval)).used is not None:
            raise KilledError

    log.before = kill
    with pytest.raises(KilledError):
        to_live(office(log, after_s=after_s), approval)
    log.before = None
    return log, approval


def write(log: InMemoryLog, stream: str, *events: Message) -> None:
    """Write events into a log, as everybody can who can write there."""
    version = len(run(log.read_events(stream)))
    run(log.append_events(stream, events, expected_version=version, causes=CAUSES))


def forged_use(approval_of: Promotion) -> ApprovalUsed:
    """Return a use that nobody made, by the candidate's promotion to live."""
    return ApprovalUsed(
        promotion_id=LIVE,
        promotion=approval_of,
        approvers=(someone("ben"),),
        live_manifest=RAN_LIVE.document.content_hash,
        at_ns=START_NS,
    )


def forged_promotion(version: int, *, digest: str = CANDIDATE) -> CandidatePromoted:
    """Return a promotion to live that nobody approved."""
    return CandidatePromoted(
        promotion_id=LIVE,
        digest=digest,
        target="live",
        manifest=RAN_LIVE.document.content_hash,
        approval="deadbeefdeadbeef",
        replaces=None,
        version=version,
        at_ns=START_NS,
    )


async def stop(log: InMemoryLog) -> None:
    """Close the stop latch."""
    command = EvaluateSafety(
        latch=LATCH_NAME,
        evaluation=1,
        at_ns=START_NS,
        readings=readings(mode="live", drawdown_ratio=reading_of(0.5)),
        policy=safety_policy(),
    )
    await Governance(streams=Streams(log), causes=CAUSES).run(STOP_LATCH, command)


@pytest.mark.parametrize("cap", [None, 10**12])
def test_use_that_somebody_wrote_promotes_nothing(cap: int | None) -> None:
    log = log_with_candidate()
    promotion = Promotion(
        manifest="11" * 32, candidate=CANDIDATE, target="live", notional_cap=Decimal(10**12)
    )
    write(log, approval_stream("deadbeefdeadbeef"), forged_use(promotion))

    with pytest.raises(NotRequestedError):
        to_live(office(log), "deadbeefdeadbeef", cap=cap)
    assert run(office(log).ledger(ROUTER)).champion is None


def test_use_that_somebody_wrote_of_what_nobody_granted_promotes_nothing() -> None:
    log = log_with_candidate()
    approval = ask(office(log), shown())
    asked = run(office(log).approval(approval)).requested
    assert asked is not None
    write(log, approval_stream(approval), forged_use(asked.promotion))

    with pytest.raises(GrantsMissingError):
        to_live(office(log), approval)
    assert run(office(log).ledger(ROUTER)).champion is None


def test_broken_off_promotion_goes_on_within_the_declared_time_though_its_grant_ran_out() -> None:
    allowed_s = safety_policy().approvals.use_retry_ms // 1000
    log, approval = used_and_killed(after_s=HOUR_S - 1)

    with pytest.raises(UseTooOldError):
        to_live(office(log, after_s=HOUR_S + allowed_s), approval)
    changed = to_live(office(log, after_s=HOUR_S - 1 + allowed_s), approval)

    assert changed.ledger.digest_of("champion") == CANDIDATE


def test_broken_off_promotion_goes_on_for_no_more_than_was_approved() -> None:
    log, approval = used_and_killed()

    with pytest.raises(NotionalCapExceededError):
        to_live(office(log), approval, cap=25_001)
    assert not to_live(office(log), approval, cap=25_000).again


@pytest.mark.parametrize("gone", ["ben", "author"])
def test_broken_off_promotion_does_not_go_on_without_the_keys_behind_it(gone: str) -> None:
    log, approval = used_and_killed()
    without = {name: role for name, role in ROLES_OF.items() if name != gone}

    with pytest.raises((GrantsMissingError, MakerUnknownError)):
        to_live(office(log, roles=without), approval)
    assert run(office(log).ledger(ROUTER)).champion is None


def test_promotion_that_somebody_wrote_is_none_to_tell_a_loop() -> None:
    log = log_with_candidate()
    write(log, ledger_stream(ROUTER), forged_promotion(1))

    with pytest.raises(PromotionUnprovenError, match="promotion revert"):
        to_live(office(log), "deadbeefdeadbeef")
    with pytest.raises(PromotionUnprovenError):
        run(promote(office(log), shown(), grounds=Grounds(), approval=None))

    run(revert(office(log), ROUTER, cause="incident-1", reason="nobody approved it"))
    assert run(promote(office(log), shown(), grounds=Grounds(), approval=None)).control is not None


def test_what_somebody_wrote_to_serve_live_is_not_gone_back_to() -> None:
    log = log_with_candidate()
    other = candidate("c")
    run(register_candidate(Streams(log), ROUTER, other, run_id="run-c", at_ns=START_NS))
    paper = {"target": "paper", "approval": None, "replaces": "ab" * 32}
    for version, (digest, changes) in enumerate(
        [(CANDIDATE, {}), (other.digest, {"promotion_id": "promotion-2", **paper})], start=1
    ):
        event = forged_promotion(version, digest=digest).model_dump(mode="json") | changes
        write(log, ledger_stream(ROUTER), CandidatePromoted.model_validate(event))

    changed = run(revert(office(log), ROUTER, cause="incident-1", reason="drawdown"))

    assert changed.ledger.champion is not None
    assert changed.ledger.digest_of("champion") is None
    assert changed.ledger.before == ()
    assert changed.control is not None
    assert changed.control.package is None


def test_promotion_whose_keys_are_gone_is_proven_no_more() -> None:
    log = log_with_candidate()
    approval = approved(office(log))
    to_live(office(log), approval)
    without = {name: role for name, role in ROLES_OF.items() if name != "ben"}

    with pytest.raises(PromotionUnprovenError, match=r"approvals\.grants-missing"):
        to_live(office(log, roles=without), approval)


def test_promotion_on_record_is_asked_for_again_as_it_was_made() -> None:
    log = log_with_candidate()
    approval = approved(office(log))
    to_live(office(log), approval)
    later = office(log, after_s=30 * HOUR_S)

    assert to_live(later, approval).again, "what took place needs no grant that holds"
    with pytest.raises(ApprovalMissingError):
        to_live(later, None)
    with pytest.raises(NotionalCapExceededError):
        to_live(later, approval, cap=25_001)


def test_clock_that_is_set_back_revives_no_approval() -> None:
    log = log_with_candidate()
    approval = approved(office(log))
    two_hours = BeginCycle(
        cycle=1,
        epoch=1,
        holder="x",
        policies="0" * 64,
        at_ns=START_NS + 2 * HOUR_S * SECOND_NS,
    )
    run(Governance(streams=Streams(log), causes=CAUSES).run(CYCLE_RECORD, two_hours))

    with pytest.raises(ExpiredError):
        to_live(office(log, after_s=HOUR_S - 1), approval)
    with pytest.raises(ExpiredError):
        run(
            answer_approval(
                office(log),
                ask(office(log, after_s=1), shown()),
                "grant",
                sign=signing("ben"),
                expires_at_ns=START_NS + HOUR_S * SECOND_NS,
            )
        )


def stopping(
    log: InMemoryLog, stopped: int, killed: int | None = None
) -> Callable[[int], Awaitable[None]]:
    """Return what closes the latch before one step, and kills before another."""

    async def act(step: int) -> None:
        if step == stopped:
            await stop(log)
        if step == killed:
            raise KilledError

    return act


def steps_of_a_promotion() -> int:
    """Return how many steps a promotion takes at its log."""
    log, approval = paced()
    log.before = stopping(log, -1)
    to_live(office(log), approval)
    return log.steps


@cache
def prepared() -> tuple[PacedLog, str]:
    """Return a log with an approval in it, for copies."""
    log = PacedLog(clock=HandClock())
    run(register_candidate(Streams(log), ROUTER, ROLLED_OUT, run_id="run-1", at_ns=START_NS))
    record_runs(log)
    claim(log)
    return log, approved(office(log))


def paced() -> tuple[PacedLog, str]:
    """Return a log with an approval in it."""
    log, approval = prepared()
    return deepcopy(log), approval


def check_open_when_promoted(log: InMemoryLog, told: Changed | None) -> None:
    """Check that nobody was told of a promotion before which the latch closed in the log."""
    promoted = run(promotion_on_record(office(log), ROUTER, LIVE))
    stops = [one for one in run(log.read_events(STOP_LATCH.stream)) if "stopped" in one.type]
    champion = run(office(log).ledger(ROUTER)).champion
    serves = champion is not None and champion.promotion_id == LIVE
    in_time = promoted is not None and (not stops or promoted[1] < stops[0].position)
    assert serves == in_time
    assert (told is not None) == in_time


def test_stop_that_closes_at_any_step_of_a_promotion_is_before_it_or_undoes_it() -> None:
    outcomes = set[bool]()
    for step in range(steps_of_a_promotion() + 1):
        log, approval = paced()

        told: Changed | None = None
        log.before = stopping(log, step)
        with suppress(StopHoldsError):
            told = to_live(office(log), approval)
        log.before = None

        check_open_when_promoted(log, told)
        outcomes.add(told is not None)
    assert outcomes == {True, False}


@pytest.mark.slow
def test_stop_and_death_at_any_two_steps_leave_nothing_that_the_same_again_does_not_undo() -> None:
    steps = steps_of_a_promotion()
    first = next(n for n in range(steps) if closing_at(n))
    for stopped in range(first, steps):
        for killed in range(stopped, steps + 2):
            log, approval = paced()

            log.before = stopping(log, stopped, killed)
            with suppress(KilledError, TorghutError):
                to_live(office(log), approval)
            log.before = None
            told: Changed | None = None
            with suppress(TorghutError):
                told = to_live(office(log), approval)

            check_open_when_promoted(log, told)


def closing_at(step: int) -> bool:
    """Return whether an approval is used up although the latch closed before that step."""
    log, approval = paced()
    log.before = stopping(log, step)
    with suppress(StopHoldsError):
        to_live(office(log), approval)
    log.before = None
    state = run(office(log).approval(approval))
    return state.used is not None
