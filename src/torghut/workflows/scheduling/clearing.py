"""What ledger, stage and ladder say of a candidate, read when it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from typing_extensions import override

from torghut.governance.ledger.errors import CandidateUnknownError
from torghut.workflows.approving.office import Office
from torghut.workflows.scheduling.governor import BackTo, Clearances
from torghut.workflows.scheduling.ports import Observed


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedClearances(Clearances):
    """What stands in governance's log.

    Attributes:
        office: Of approvals and promotions.
        routers: The router of each declared symbol.
    """

    office: Office
    routers: Mapping[str, str]

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
    async def back_to(self, candidate_id: str, observed: Observed, /) -> BackTo:
        try:
            router, known = await self.office.registered(candidate_id)
        except CandidateUnknownError:
            return BackTo(package=_one_package(observed, {}, ""))
        ledger = await self.office.ledger(router)
        champion = ledger.champion
        if champion is None or champion.digest != known.candidate.digest:
            # It never came to serve: what serves goes on serving, under a stop.
            return BackTo(package=_one_package(observed, self.routers, router), router=router)
        return BackTo(package=champion.replaced, router=router, serves=True)


def _one_package(observed: Observed, routers: Mapping[str, str], router: str) -> str | None:
    """Return the package that decides for a router's symbols; None where none or several do."""
    found = {
        one.package
        for symbol, one in observed.symbols.items()
        if not router or routers.get(symbol) == router
    }
    return (found.pop() or None) if len(found) == 1 else None
