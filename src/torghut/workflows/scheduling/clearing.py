"""What the promotion ledger says of a candidate, read when it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from typing_extensions import override

from torghut.governance.ledger.errors import CandidateUnknownError
from torghut.governance.ledger.ledger import (
    is_program_ledger,
    ledger_stream,
    read_ledger_event,
)
from torghut.schemas.governing.ledger import CandidatePromoted, PromotionReverted
from torghut.workflows.approving.office import Office
from torghut.workflows.approving.promoting import revert
from torghut.workflows.approving.proving import unproven_terms
from torghut.workflows.scheduling.governor import Attempt, BackTo, Clearances, Served
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.scheduling.seen.serving import ServingHistory

_DECLARATIONS: Final = (
    "the candidate is declarations, and decisions name the package that made them: "
    "nothing shows that it is gone"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedClearances(Clearances):
    """What stands in governance's log.

    Attributes:
        office: Of approvals and promotions.
        routers: The router of each declared symbol.
    """

    office: Office
    routers: Mapping[str, str]
    history: ServingHistory = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "history", ServingHistory(office=self.office))

    @override
    async def served(self) -> Sequence[Served]:
        return await self.history.served()

    @override
    async def runs_of(self, served: Served, /) -> Sequence[Attempt]:
        return await self.history.runs_of(served)

    @override
    async def digest_of(self, candidate_id: str, /) -> str | None:
        try:
            _, known = await self.office.registered(candidate_id)
        except CandidateUnknownError:
            return None
        return known.candidate.digest

    @override
    async def exposed(self, candidate_id: str, /) -> str | None:
        try:
            router, known = await self.office.registered(candidate_id)
        except CandidateUnknownError:
            return None
        champion = (await self.office.ledger(router)).champion
        digest = known.candidate.digest
        return digest if champion is not None and champion.digest == digest else None

    @override
    async def back_to(self, candidate_id: str, observed: Observed, /, *, cause: str) -> BackTo:
        try:
            router, known = await self.office.registered(candidate_id)
        except CandidateUnknownError:
            return BackTo(package=_one_package(observed, {}, ""))
        if known.candidate.package is None:
            package = _one_package(observed, self.routers, router)
            return BackTo(package=package, router=router, unproven=_DECLARATIONS)
        ledger = await self.office.ledger(router)
        digest = known.candidate.digest
        if is_program_ledger(router):
            serves = ledger.digest_of("champion") == digest and cause not in ledger.reverts
            serves = serves or await self._reverted(router, digest, cause)
            return BackTo(package=_one_package(observed, {}, ""), serves=serves, advises=True)
        if ledger.digest_of("champion") == digest and cause in ledger.reverts:
            return BackTo(package=None)  # gone for that cause, and promoted again since
        if ledger.digest_of("champion") == digest:
            # Who served before, and not what a promotion replaced: one from paper to live replaced
            # the candidate itself.
            unproven = await unproven_terms(self.office, router, ledger)
            package = ledger.previous(unproven).package
        elif cause in ledger.reverts and await self._reverted(router, digest, cause):
            package = ledger.serving
        else:
            # It never came to serve, or does no longer: what serves goes on serving, under a stop.
            package = _one_package(observed, self.routers, router)
            if package == known.candidate.package:  # the loop has not heard yet that it is gone
                package = ledger.serving
            return BackTo(package=package, router=router)
        return BackTo(package=package, router=router, serves=True)

    async def _reverted(self, router: str, digest: str, cause: str) -> bool:
        """Return whether the last change of who serves took a candidate back for a cause."""
        history = await self.office.events.read_events(ledger_stream(router))
        events = [read_ledger_event(envelope) for envelope in history]
        changes = [one for one in events if isinstance(one, CandidatePromoted | PromotionReverted)]
        last = changes[-1] if changes else None
        return isinstance(last, PromotionReverted) and (last.cause, last.digest) == (cause, digest)

    @override
    async def take_back(self, candidate_id: str, /, *, cause: str, reason: str) -> None:
        try:
            router, known = await self.office.registered(candidate_id)
        except CandidateUnknownError:
            return
        ledger = await self.office.ledger(router)
        if ledger.digest_of("champion") == known.candidate.digest:
            await revert(self.office, router, cause=cause, reason=reason)


def _one_package(observed: Observed, routers: Mapping[str, str], router: str) -> str | None:
    """Return the package that decides for a router's symbols; None where none or several do."""
    found = {
        one.package
        for symbol, one in observed.symbols.items()
        if not router or routers.get(symbol) == router
    }
    return (found.pop() or None) if len(found) == 1 else None
