"""A candidate that a run of the lane did not recommend, which contends no longer."""

from __future__ import annotations

from torghut.eventlog.envelopes import Causes
from torghut.eventlog.ports import EventStore
from torghut.governance.ledger.ledger import LEDGER, Retain, ledger_stream, read_ledger_event
from torghut.governance.rollouts.rollout import RolloutState
from torghut.schemas.governing.lanes import CandidateSubmitted
from torghut.workflows.lane.naming import candidate_digest_of, ledger_of
from torghut.workflows.streams import Streams


async def retain_champion(
    events: EventStore, submission: CandidateSubmitted, *, run_id: str, reason: str, at_ns: int
) -> None:
    """Put on record that a run's candidate lost, before the run is ended.

    So whoever ends it for one who was killed in between does it too, and it stands there once. A
    candidate that does not contend stays what it is, and so does one that this run never tried.

    Args:
        events: Governance's log, under the fence of the run's other events.
        submission: That was run.
        run_id: Of the run.
        reason: Why it lost, as the run's end says it.
        at_ns: Wall time.
    """
    asked = submission.asked.candidate
    digest = candidate_digest_of(asked)
    streams, stream = Streams(events), ledger_stream(ledger_of(asked))
    ledger = await streams.state(LEDGER, read_ledger_event, stream)
    known = None if digest is None else ledger.candidates.get(digest)
    if digest is None or known is None or known.role != "challenger" or run_id not in ledger.runs:
        return
    command = Retain(digest=digest, run_id=run_id, reason=reason, at_ns=at_ns)
    causes = Causes(correlation_id=run_id, causation_id=run_id)
    await streams.run(LEDGER, read_ledger_event, stream, command, causes=causes)


def verdict_of(rollout: RolloutState) -> str:
    """Return what the evaluation recommends; empty where it did not come to that."""
    first = rollout.phases[0] if rollout.phases else None
    return "" if first is None else str(first.observations.get("verdict", ""))
