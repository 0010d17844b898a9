"""Who served when, by the promotion ledger, and the runs that they were promoted by.

A ledger says who serves now. Governance must also know who served when a stop came, by which runs,
and since which place in the log: places order the events of all streams, whatever clocks said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from torghut.eventlog.envelopes import Envelope
from torghut.governance.ledger.ledger import LEDGER, ledger_stream, read_ledger_event
from torghut.governance.ledger.state import Term
from torghut.governance.rollouts.manifest import final_manifest_of
from torghut.governance.rollouts.rollout import RolloutState, rollout_stream
from torghut.schemas.governing.ledger import CandidatePromoted, PromotionReverted
from torghut.workflows.aggregates import Governance, rollout_of
from torghut.workflows.approving.office import Office
from torghut.workflows.approving.tried import runs_of
from torghut.workflows.scheduling.governor import Attempt, Served


@dataclass(slots=True, kw_only=True)
class ServingHistory:
    """Who served, read anew only where a ledger has changed who serves.

    Attributes:
        office: Whose ledgers are read.
    """

    office: Office
    _terms: dict[str, tuple[int, Sequence[Served]]] = field(default_factory=dict)
    _runs: dict[tuple[str, str], Attempt] = field(default_factory=dict)

    async def served(self) -> Sequence[Served]:
        """Return every time in which a candidate of any ledger served, oldest first by router."""
        return [one for router in await self.office.ledgers() for one in await self._of(router)]

    async def _of(self, router: str) -> Sequence[Served]:
        """Return the times of one ledger."""
        version = (await self.office.ledger(router)).version
        known, terms = self._terms.get(router, (-1, ()))
        if known != version:
            history = await self.office.events.read_events(ledger_stream(router))
            terms = tuple(_terms(router, history))
            self._terms[router] = (version, terms)
        return terms

    async def runs_of(self, served: Served) -> Sequence[Attempt]:
        """Return the runs that a candidate was promoted by while it served, newest last.

        A promotion names the manifest that spoke for it. Where no run on record has that manifest,
        it is the candidate's newest run: somebody must answer for what serves.
        """
        found = [await self._run_of(served, one) for one in served.manifests]
        return list(dict.fromkeys(one for one in found if one is not None))

    async def _run_of(self, served: Served, manifest: str) -> Attempt | None:
        """Return the run whose final manifest has a hash, else the newest."""
        known = self._runs.get((served.digest, manifest))
        if known is not None:
            return known
        newest: Attempt | None = None
        for run_id in await runs_of(self.office, served.router, served.digest):
            for attempt, state in await self._attempts(run_id):
                newest = newest or (run_id, attempt)
                final = final_manifest_of(state)
                if final is not None and final.content_hash == manifest:
                    self._runs[served.digest, manifest] = (run_id, attempt)
                    return run_id, attempt
        return newest

    async def _attempts(self, run_id: str) -> Sequence[tuple[int, RolloutState]]:
        """Return the attempts at a run that were started, newest first."""
        office = self.office
        governance = Governance(streams=office.streams, causes=office.causes(run_id))
        first = rollout_stream(run_id)
        found: list[tuple[int, RolloutState]] = []
        for name in await office.events.streams(first):
            beside, _, again = name.partition(":")
            if beside == first:
                attempt = int(again or "1")
                found.append((attempt, await governance.state(rollout_of(run_id, attempt))))
        return sorted((one for one in found if one[1].started), key=lambda one: -one[0])


def _terms(router: str, history: Sequence[Envelope]) -> Iterator[Served]:
    """Yield the times in which a candidate served; one that is promoted again goes on serving."""
    state = LEDGER.initial
    serves: Served | None = None
    spoke: dict[str, tuple[str, ...]] = {}
    for envelope in history:
        event = read_ledger_event(envelope)
        state = LEDGER.evolve(state, event)
        if not isinstance(event, CandidatePromoted | PromotionReverted):
            continue
        begun = _begun(router, state.champion, envelope.position)
        if begun is not None and isinstance(event, PromotionReverted):  # by what it was before
            begun = replace(begun, manifests=spoke.get(begun.digest, begun.manifests))
        if begun is not None and serves is not None and serves.digest == begun.digest:
            manifests = tuple(dict.fromkeys((*serves.manifests, *begun.manifests)))
            begun = replace(serves, manifests=manifests)
        elif serves is not None:
            yield replace(serves, until=envelope.position)
        serves = begun
        if serves is not None:
            spoke[serves.digest] = serves.manifests
    if serves is not None:
        yield serves


def _begun(router: str, term: Term | None, position: int) -> Served | None:
    """Return the time that begins with a term; None where nobody of the ledger serves."""
    if term is None or term.digest is None:
        return None
    return Served(
        router=router,
        digest=term.digest,
        package=term.package,
        manifests=(term.manifest,),
        since=position,
    )
