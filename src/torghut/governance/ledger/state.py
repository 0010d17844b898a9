"""What the events of a ledger come to: who serves, who served before, and every trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal, assert_never, get_args

from torghut.schemas.governing.ledger import (
    CandidateDemoted,
    CandidatePromoted,
    CandidateRegistered,
    ChampionRetained,
    LedgerCandidate,
    LedgerEvent,
    LedgerRole,
    PromotionReverted,
)
from torghut.schemas.rollout.phases import Target

Alias = Literal["champion", "previous", "challenger"]

ALIASES: Final[tuple[Alias, ...]] = get_args(Alias)


def parse_alias(text: str) -> tuple[str, Alias] | None:
    """Return the router and the alias that ``text`` names; None where it names none.

    Example:
        >>> parse_alias("index-daily@previous"), parse_alias("index-daily")
        (('index-daily', 'previous'), None)
    """
    router, _, name = text.rpartition("@")
    for alias in ALIASES:
        if router and name == alias:
            return router, alias
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One candidate.

    Attributes:
        rollbacks: How often it was taken back.
    """

    candidate: LedgerCandidate
    role: LedgerRole
    rollbacks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One time in office.

    Attributes:
        digest: Of the candidate; None for what served before the ledger had a champion.
        package: That serves then; None: none does.
        target: Up to which it was promoted.
        manifest: content_hash of what it was promoted with; empty for what served before.
        promotion_id: Empty for what served before.
        replaced: Package that served until then.
    """

    digest: str | None
    package: str | None
    target: Target = "paper"
    manifest: str = ""
    promotion_id: str = ""
    replaced: str | None = None


_NOBODY: Final[Mapping[str, Known]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """A router's ledger.

    Attributes:
        candidates: By digest, in the order in which they were last registered.
        ids: Digest by candidate id.
        runs: Every run that evaluated a candidate; each is one trial.
        champion: Who serves; None: nobody of the ledger.
        before: Who served before, newest last; what is quarantined is not among them.
        version: How often who serves has changed.
        promotions: Every promotion there was, so that none takes place twice.
        reverts: By its cause, so that one that comes again counts once: the package restored.
    """

    candidates: Mapping[str, Known] = field(default_factory=lambda: _NOBODY)
    ids: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    runs: frozenset[str] = frozenset()
    champion: Term | None = None
    before: tuple[Term, ...] = ()
    version: int = 0
    promotions: frozenset[str] = frozenset()
    reverts: Mapping[str, str | None] = field(default_factory=lambda: MappingProxyType({}))
    time_ns: int = 0

    @property
    def trials(self) -> int:
        """How many candidates were tried, for whoever corrects for having looked so often."""
        return len(self.runs)

    @property
    def serving(self) -> str | None:
        """Digest of the package that serves; None: none does, or nobody of the ledger."""
        return None if self.champion is None else self.champion.package

    @property
    def challenger(self) -> str | None:
        """Digest of the newest candidate that contends; None: none does."""
        newest_first = reversed(tuple(self.candidates.items()))
        return next((digest for digest, one in newest_first if one.role == "challenger"), None)

    def previous(self, unproven: frozenset[str] = frozenset()) -> Term:
        """Return what serves again once the champion is taken back.

        Args:
            unproven: Promotions that nothing proves: they are passed over.
        """
        proven = [term for term in self.before if term.promotion_id not in unproven]
        return proven[-1] if proven else Term(digest=None, package=None)

    def digest_of(self, alias: Alias) -> str | None:
        """Return the digest of the candidate that an alias names; None: nobody."""
        match alias:
            case "champion":
                return None if self.champion is None else self.champion.digest
            case "previous":
                return self.before[-1].digest if self.before else None
            case "challenger":
                return self.challenger
            case _:
                assert_never(alias)


def evolve(state: LedgerState, event: LedgerEvent) -> LedgerState:
    """Return the state after ``event``."""
    state = replace(state, time_ns=max(state.time_ns, event.at_ns))
    match event:
        case CandidateRegistered():
            return _registered(state, event)
        case CandidatePromoted():
            return _promoted(state, event)
        case CandidateDemoted():
            return _as(state, event.digest, "demoted")
        case PromotionReverted():
            return _reverted(state, event)
        case ChampionRetained():
            return _as(state, event.digest, "retained")
        case _:
            assert_never(event)


def _registered(state: LedgerState, event: CandidateRegistered) -> LedgerState:
    digest = event.candidate.digest
    known = state.candidates.get(digest)
    keeps = known is not None and known.role in ("champion", "quarantined")
    role: LedgerRole = known.role if known is not None and keeps else "challenger"
    rollbacks = known.rollbacks if known is not None else 0
    one = Known(candidate=event.candidate, role=role, rollbacks=rollbacks)
    others = {other: its for other, its in state.candidates.items() if other != digest}
    return replace(
        state,
        candidates=MappingProxyType({**others, digest: one}),
        ids=MappingProxyType({**state.ids, event.candidate.candidate_id: digest}),
        runs=state.runs | {event.run_id},
    )


def _promoted(state: LedgerState, event: CandidatePromoted) -> LedgerState:
    known = state.candidates.get(event.digest)
    package = event.replaces if known is None else known.candidate.package
    term = Term(
        digest=event.digest,
        package=package or event.replaces,
        target=event.target,
        manifest=event.manifest,
        promotion_id=event.promotion_id,
        replaced=event.replaces,
    )
    again = state.champion is not None and state.champion.digest == event.digest
    left = state.champion or Term(digest=None, package=event.replaces)
    before = state.before if again else (*state.before, left)
    if not again and state.champion is not None and state.champion.digest is not None:
        state = _as(state, state.champion.digest, "demoted")
    state = _as(state, event.digest, "champion")
    return replace(
        state,
        champion=term,
        before=before,
        version=event.version,
        promotions=state.promotions | {event.promotion_id},
    )


def _reverted(state: LedgerState, event: PromotionReverted) -> LedgerState:
    state = _as(
        state,
        event.digest,
        "quarantined" if event.quarantined else "demoted",
        rollbacks=event.rollbacks,
    )
    before, restored = _left(state.before, event)
    if event.quarantined:
        before = _without(event.digest, before, restored)
    if restored.digest is not None:
        state = _as(state, restored.digest, "champion")
    return replace(
        state,
        champion=restored,
        before=tuple(before),
        version=event.version,
        reverts=MappingProxyType({**state.reverts, event.cause: event.package}),
    )


def _left(before: Sequence[Term], event: PromotionReverted) -> tuple[list[Term], Term]:
    """Return who served before what serves again, and that; what was passed over is gone."""
    if not before:
        return [], Term(digest=None, package=event.package)
    last = len(before) - 1
    found = [number for number, term in enumerate(before) if term.digest == event.restored]
    return list(before[: (found or [last])[-1]]), before[(found or [last])[-1]]


def _without(digest: str, before: Sequence[Term], restored: Term) -> list[Term]:
    """Return who served before ``restored``, without ``digest``, and nobody after themselves."""
    kept = [term for term in before if term.digest != digest]
    after = [*kept[1:], restored]
    return [one for one, two in zip(kept, after, strict=False) if one.digest != two.digest]


def _as(
    state: LedgerState, digest: str, role: LedgerRole, *, rollbacks: int | None = None
) -> LedgerState:
    """Return the state with a candidate in another role."""
    known = state.candidates.get(digest)
    if known is None:
        return state
    one = replace(known, role=role, rollbacks=known.rollbacks if rollbacks is None else rollbacks)
    return replace(state, candidates=MappingProxyType({**state.candidates, digest: one}))
