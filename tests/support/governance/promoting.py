"""What tests of signed approvals and promotions share: people with keys, answers, a ledger."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typing_extensions import override

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.support.governance.approving import CANDIDATE, DAY_S, PROMOTION, manifest, policy
from tests.support.governance.governing import SECOND_NS, START_NS, Memory, safety_policy
from tests.support.lane.rollouts import CANDIDATE as CANDIDATE_ID
from tests.support.lane.rollouts import RUN_ID, events_of, evidence_files, whole_run
from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.artifacts.signatures import fingerprint, raw_bytes
from torghut.eventlog.ports import EventStore
from torghut.governance.approvals.approval import UseApproval
from torghut.governance.approvals.keyring import Keyring, keyring_of
from torghut.governance.approvals.making import ClaimCandidate, sign_candidate
from torghut.governance.approvals.signing import (
    SIGNED_APPROVAL,
    Answer,
    sign_statement,
    statement_of,
)
from torghut.governance.approvals.state import ApprovalState
from torghut.governance.ledger.ledger import (
    LEDGER,
    Demote,
    LedgerCommand,
    Promote,
    RegisterCandidate,
    Retain,
    RevertToPrevious,
)
from torghut.governance.ledger.state import LedgerState
from torghut.governance.rollouts.rollout import ROLLOUT, RolloutCommand
from torghut.governance.rollouts.target import LiveFacts
from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.governance import ROLES, Owner, OwnerKey, Owners
from torghut.schemas.governing.approvals import (
    APPROVAL_EVENT,
    ApprovalEvent,
    ApprovalStatement,
    ApprovalUsed,
    ManifestFacts,
    Promotion,
    Verb,
)
from torghut.schemas.governing.fields import Person
from torghut.schemas.governing.ledger import LEDGER_EVENT, LedgerCandidate, LedgerEvent
from torghut.schemas.rollout.lane import CandidateSpec, StrategyPatch
from torghut.schemas.rollout.phases import Target
from torghut.workflows.aggregates import Governance, rollout_of
from torghut.workflows.approving.grounds import LiveGrounds
from torghut.workflows.approving.makers import claim_candidate
from torghut.workflows.approving.manifests import CheckedManifest, checked
from torghut.workflows.approving.office import Office
from torghut.workflows.rollout.publishing import publish_run
from torghut.workflows.streams import Streams

ID: Final = "approval-of-a-test"
ROLES_OF: Final = {
    "author": "model",
    "ben": "production",
    "eve": "production",
    "mel": "model",
    "clock": "scheduler",
}
"""Whose key is declared in which role."""

TARGETS: Final[tuple[Target, ...]] = ("paper", "live")

SignedApproval = Memory[Answer | UseApproval, ApprovalEvent, ApprovalState]
Ledger = Memory[LedgerCommand, LedgerEvent, LedgerState]


def key_of(name: str) -> Ed25519PrivateKey:
    """Return somebody's key, the same every time."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(sha256_hex(name.encode())))


def fingerprint_of(name: str) -> str:
    """Return how somebody's key is called."""
    return fingerprint(key_of(name).public_key())


def declared(name: str, role: str) -> OwnerKey:
    """Return somebody's key as it is declared."""
    public = key_of(name).public_key()
    return OwnerKey.model_validate(
        {
            "role": role,
            "fingerprint": fingerprint(public),
            "public_key": base64.b64encode(raw_bytes(public)).decode(),
        }
    )


def owners(roles: Mapping[str, str] = ROLES_OF) -> Owners:
    """Return owners whose keys are those of ``roles``."""
    return Owners(
        kind="owners.v1",
        owners=tuple(Owner(role=role, answers_for="What there is to do.") for role in ROLES),
        keys=tuple(declared(name, role) for name, role in roles.items()),
    )


def keyring(roles: Mapping[str, str] = ROLES_OF) -> Keyring:
    """Return the keys of ``roles``."""
    return keyring_of(owners(roles))


def someone(name: str) -> Person:
    """Return somebody as they stand on record."""
    return Person(name=ROLES_OF[name], key=fingerprint_of(name))


def answer(
    who: str,
    verb: Verb,
    *,
    approval: str = ID,
    promotion: Promotion = PROMOTION,
    reason: str = "as it should be",
    for_s: int = DAY_S,
) -> Answer:
    """Return what somebody signed, handed in at the beginning; a grant holds for ``for_s``."""
    statement = statement_of(
        approval, verb, promotion, reason=reason, expires_at_ns=START_NS + for_s * SECOND_NS
    )
    return Answer(
        approval=approval,
        envelope=sign_statement(statement, key_of(who)),
        keyring=keyring(),
        reason="" if verb == "grant" else reason,
        manifest=manifest("paper") if verb == "request" else None,
        at_ns=START_NS,
        policy=policy(),
    )


def later(one: Answer, by_s: int) -> Answer:
    """Return the same, handed in later."""
    return replace(one, at_ns=one.at_ns + by_s * SECOND_NS)


def signed_approval(*answers: Answer) -> SignedApproval:
    """Return a stream after ``answers``."""
    stream: SignedApproval = Memory(SIGNED_APPROVAL, APPROVAL_EVENT)
    for one in answers:
        stream.send(one)
    return stream


def candidate(name: str) -> LedgerCandidate:
    """Return a candidate whose package is its own."""
    digest = sha256_hex(name.encode())
    return LedgerCandidate(candidate_id=f"candidate-{name}", digest=digest, package=digest)


def facts(name: str, target: Target = "paper", /, **changes: object) -> ManifestFacts:
    """Return what a final, signed, passing manifest says of a candidate, but for ``changes``."""
    stated: dict[str, object] = {
        "content_hash": sha256_hex(f"{name} {target}".encode()),
        "candidate": candidate(name).digest,
        "target": target,
        "status": "pass",
        "finalised": True,
        "signed": True,
    }
    return ManifestFacts.model_validate(stated | changes)


def ledger(*names: str) -> Ledger:
    """Return a ledger in which the candidates ``names`` were tried."""
    stream: Ledger = Memory(LEDGER, LEDGER_EVENT)
    for name in names:
        stream.send(register(name))
    return stream


def register(name: str, *, run: str = "") -> RegisterCandidate:
    """Return that a run evaluates a candidate."""
    return RegisterCandidate(candidate=candidate(name), run_id=run or f"run-{name}", at_ns=START_NS)


def promote(
    name: str, version: int, *, run: str = "", target: Target = "paper", at_s: int = 0
) -> Promote:
    """Return a promotion by somebody who saw ``version``; to live with an approval that it used."""
    shown = facts(name, target, content_hash=sha256_hex(f"{name} {target} {run}".encode()))
    promotion = f"promotion-{name}-{target}{run}"
    used = ApprovalUsed(
        promotion_id=promotion,
        promotion=Promotion(
            manifest="11" * 32,
            candidate=candidate(name).digest,
            target="live",
            notional_cap=Decimal(1000),
        ),
        approvers=(someone("ben"),),
        live_manifest=shown.content_hash,
        at_ns=START_NS,
    )
    return Promote(
        promotion_id=promotion,
        digest=candidate(name).digest,
        target=target,
        expected_version=version,
        manifest=shown,
        replaces=None,
        approval=("approval-1", used) if target == "live" else None,
        at_ns=START_NS + at_s * SECOND_NS,
    )


def take_back(version: int, *, cause: str = "incident-1") -> RevertToPrevious:
    """Return a revert by somebody who saw ``version``."""
    return RevertToPrevious(
        expected_version=version, cause=cause, reason="drawdown", at_ns=START_NS
    )


def retain(name: str) -> Retain:
    """Return that a candidate lost."""
    return Retain(
        digest=candidate(name).digest, run_id=f"run-{name}", reason="no better", at_ns=START_NS
    )


def demote(name: str) -> Demote:
    """Return that a candidate contends no longer."""
    return Demote(digest=candidate(name).digest, reason="withdrawn", at_ns=START_NS)


def patch_to(
    package: str, *, replaces: str | None = None, declarations: str | None = None
) -> StrategyPatch:
    """Return a strategy patch that would put ``package`` in force."""
    return StrategyPatch(
        run_id=RUN_ID,
        candidate_id=CANDIDATE_ID,
        candidate=CandidateSpec(
            kind="package", router="fx-intraday", package=package, declarations=declarations
        ),
        replaces=replaces,
        replaces_declarations=None,
        symbols=("fxcm:EURUSD",),
        target="paper",
        notional_cap=1000.0,
    )


def office(events: EventStore, *, after_s: int = 0, roles: Mapping[str, str] = ROLES_OF) -> Office:
    """Return where approvals and promotions are put on record, some time after the beginning."""
    return Office(
        events=events,
        keyring=keyring(roles),
        safety=safety_policy(),
        wall=HandClock(time_ns=START_NS + after_s * SECOND_NS),
        by="a test",
    )


@dataclass(frozen=True)
class Grounds(LiveGrounds):
    """Everything speaks for live, but for what a test changes.

    Attributes:
        changed: Facts that are others.
    """

    changed: Mapping[str, object] = field(default_factory=dict)

    @override
    async def facts(
        self, candidate_id: str, /, *, now_ns: int, approval_fault: str | None = None
    ) -> LiveFacts:
        whole: dict[str, object] = {
            "allow_live": True,
            "approval_fault": approval_fault,
            "drift_fault": None,
            "continuity_alert": False,
            "stage_target": "live",
        }
        return LiveFacts(**{**whole, **self.changed})  # type: ignore[arg-type]


def run_for(target: Target) -> list[RolloutCommand]:
    """Return the commands of a made-up run: the first attempt is for paper, the second for live."""
    return whole_run(target=target, attempt=1 if target == "paper" else 2)


def record_runs(events: EventStore) -> None:
    """Put the made-up runs on record, for paper and for live."""
    governance = Governance(streams=Streams(events), causes=CAUSES)
    for attempt, target in enumerate(TARGETS, start=1):
        for command in run_for(target):
            run(governance.run(rollout_of(RUN_ID, attempt), command))


def shown(
    target: Target = "paper",
    *,
    signer: str = "clock",
    final: bool = True,
    roles: Mapping[str, str] = ROLES_OF,
    store: ArtifactStore | None = None,
) -> CheckedManifest:
    """Return the manifest of a made-up run, published, read back and verified."""
    commands = run_for(target)
    ran = ROLLOUT.fold(events_of(commands if final else commands[:-1]))
    store = store or InMemoryArtifacts(evidence_files())
    place = publish_run(ran, store, key=key_of(signer) if signer else None).place
    found = {"m": store.read(place)}
    with suppress(ArtifactUnreadableError):
        found["m.dsse"] = store.read(place + ".dsse")
    return checked(
        found["m"],
        store,
        InMemoryArtifacts(found),
        "m",
        keyring=keyring(roles),
        now_ns=START_NS + 60 * SECOND_NS,
    )


def claim_of(who: str, candidate: str = CANDIDATE) -> ClaimCandidate:
    """Return somebody's word that they made a candidate."""
    return ClaimCandidate(
        envelope=sign_candidate(candidate, key_of(who)), keyring=keyring(), at_ns=START_NS
    )


def claim(events: EventStore, who: str = "author", candidate: str = CANDIDATE) -> None:
    """Let somebody sign that they made a candidate."""
    run(claim_candidate(events, candidate, key_of(who), keyring=keyring(), at_ns=START_NS))


ROLLED_OUT: Final = LedgerCandidate(candidate_id=CANDIDATE_ID, digest=CANDIDATE, package=CANDIDATE)
"""The candidate of that run."""


def signing(who: str) -> Callable[[ApprovalStatement], bytes]:
    """Return how somebody signs."""
    return partial(sign_statement, key=key_of(who))
