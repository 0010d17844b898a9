"""What tests of the stop latch share: a log with one in it, and signed releases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.support.governance.governing import SECOND_NS, START_NS, readings, safety_policy
from tests.support.governance.promoting import key_of, keyring
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.releases.releasing import sign_release
from torghut.governance.safety.latch import EvaluateSafety
from torghut.governance.safety.stopping import LatchState
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.governing.latch import SafetyReadings, Trigger
from torghut.workflows.aggregates import LATCH_NAME, STOP_LATCH, Governance
from torghut.workflows.latching.releasing import Handed, LatchDesk, hand_in, statement_of
from torghut.workflows.streams import Streams

REASON: Final = "looked at, mended and tried"
LAG: Final = readings(lag_ms=reading_of(600_000.0))
FALLBACK: Final = readings(fallback_ratio=reading_of(0.25, samples=8))


@dataclass(slots=True)
class LatchLog:
    """Governance's log with a stop latch in it.

    Attributes:
        now_ns: Wall time, a minute on with each evaluation.
    """

    events: InMemoryLog = field(default_factory=lambda: InMemoryLog(clock=HandClock()))
    now_ns: int = START_NS

    @property
    def governance(self) -> Governance:
        """The streams, read anew."""
        return Governance(streams=Streams(self.events), causes=CAUSES)

    @property
    def latch(self) -> LatchState:
        """What the latch's events come to."""
        return run(self.governance.state(STOP_LATCH))

    def evaluate(self, *told: SafetyReadings) -> None:
        """Evaluate ``told``, a minute apart."""
        for one in told:
            self.now_ns += 60 * SECOND_NS
            last = self.latch.last
            command = EvaluateSafety(
                latch=LATCH_NAME,
                evaluation=1 if last is None else last.evaluation + 1,
                at_ns=self.now_ns,
                readings=one,
                policy=safety_policy(),
            )
            run(self.governance.run(STOP_LATCH, command))

    def desk(self) -> LatchDesk:
        """Return where a release is handed in."""
        return LatchDesk(
            events=self.events,
            keyring=keyring(),
            policy=safety_policy(),
            now_ns=self.now_ns,
            by="a test",
        )

    def release(
        self, who: str, *, triggers: Sequence[Trigger] | None = None, reason: str = REASON
    ) -> Handed:
        """Hand in ``who``'s release of what is open, by default with all its triggers."""
        return release_signed(self.desk(), self.latch, who, triggers=triggers, reason=reason)


def release_signed(
    desk: LatchDesk,
    latch: LatchState,
    who: str,
    *,
    triggers: Sequence[Trigger] | None = None,
    reason: str = REASON,
) -> Handed:
    """Hand in ``who``'s release of what is open, by default with all its triggers."""
    incident = latch.incident
    statement = statement_of(
        "incident-" + "0" * 64 if incident is None else incident.incident_id,
        sorted(incident.triggers if triggers is None and incident is not None else triggers or ()),
        reason=reason,
        signed_at_ns=desk.now_ns,
    )
    return run(hand_in(desk, statement, partial(sign_release, key=key_of(who))))
