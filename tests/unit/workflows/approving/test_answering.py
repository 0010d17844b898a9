"""From a paper manifest that is worth something to an approval that anybody can verify."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.fakes.clock import HandClock
from tests.fakes.eventlog import CAUSES, run
from tests.support.governance.approving import CANDIDATE
from tests.support.governance.governing import SECOND_NS, START_NS
from tests.support.governance.promoting import (
    ROLES_OF,
    ROLLED_OUT,
    Grounds,
    claim,
    fingerprint_of,
    key_of,
    office,
    patch_to,
    record_runs,
    shown,
    signing,
    someone,
)
from tests.support.lane.queueing import asked
from tests.support.lane.rollouts import evidence_files
from torghut.eventlog.memory import InMemoryLog
from torghut.governance.approvals.errors import (
    ApprovalError,
    AuthorApprovesError,
    CandidateMismatchError,
    CandidateUnregisteredError,
    GrantsMissingError,
    KeyUndeclaredError,
    MakerUnknownError,
    ManifestNotFinalError,
    ManifestRefusedError,
    ManifestTargetError,
    ManifestUnsignedError,
    NotRequestedError,
    RoleMissingError,
    StatementMismatchError,
)
from torghut.governance.approvals.making import STREAM as MAKERS_STREAM
from torghut.governance.approvals.making import read_maker_event
from torghut.governance.approvals.signing import sign_statement, statement_of
from torghut.governance.approvals.validity import NotApproved
from torghut.governance.lanes.queue import SubmitCandidate
from torghut.governance.ledger.errors import CandidateConflictError
from torghut.schemas.governing.approvals import (
    ApprovalGranted,
    ApprovalStatement,
    Promotion,
)
from torghut.schemas.governing.lanes import MakerSigned
from torghut.schemas.rollout.lane import CandidateSpec
from torghut.workflows.approving.answering import (
    answer_approval,
    approval_of,
    promotion_asked,
    request_approval,
)
from torghut.workflows.approving.manifests import CheckedManifest
from torghut.workflows.approving.office import Office, approval_stream
from torghut.workflows.approving.promoting import promote, register_candidate
from torghut.workflows.lane.running import lane_command
from torghut.workflows.streams import Streams

CAP: Final = Decimal(25_000)
HOUR_NS: Final = 3600 * SECOND_NS


def log_with_candidate() -> InMemoryLog:
    """Return a log in which the candidate was tried once."""
    log = InMemoryLog(clock=HandClock())
    run(register_candidate(Streams(log), "index-daily", ROLLED_OUT, run_id="run-1", at_ns=START_NS))
    record_runs(log)
    claim(log)
    return log


def ask(place: Office, manifest: CheckedManifest, *, who: str = "author") -> str:
    """Return the approval that somebody asked for."""
    return run(
        request_approval(
            place,
            manifest,
            promotion_asked(manifest, CANDIDATE, CAP),
            author=fingerprint_of(who),
            reason="better",
            sign=signing(who),
        )
    )


def grant(place: Office, approval: str, *, who: str = "ben") -> None:
    """Let somebody grant for an hour."""
    expires = place.now_ns + HOUR_NS
    run(answer_approval(place, approval, "grant", sign=signing(who), expires_at_ns=expires))


def found(place: Office, candidate: str = CANDIDATE) -> str:
    """Return the approval of a candidate, or the code why there is none."""
    answer = run(approval_of(place, candidate))
    return answer.code if isinstance(answer, NotApproved) else answer[0]


def test_what_is_asked_and_granted_is_found() -> None:
    place = office(log_with_candidate())
    approval = ask(place, shown())
    assert found(place) == "approvals.grants-missing"
    grant(place, approval)

    assert found(place) == approval
    assert found(office(place.events, after_s=3600)) == "approvals.expired"
    assert found(place, "00" * 32) == "approvals.not-requested"


def made_by(log: InMemoryLog, who: str, candidate: str = CANDIDATE) -> None:
    """Let a candidate be submitted under somebody's key."""
    spec = CandidateSpec(kind="package", router="index-daily", package=candidate, declarations=None)
    one = asked().model_copy(update={"candidate": spec, "author": fingerprint_of(who)})
    run(lane_command(log, SubmitCandidate(asked=one, at_ns=START_NS), "test"))


def test_who_made_a_candidate_cannot_approve_it_whoever_asks() -> None:
    log = log_with_candidate()
    made_by(log, "ben")
    made_by(log, "eve", "00" * 32)
    place = office(log)
    approval = ask(place, shown())

    with pytest.raises(AuthorApprovesError):
        grant(place, approval, who="ben")
    grant(place, approval, who="eve")

    assert found(place) == approval


def test_grant_of_one_who_turns_out_to_have_made_it_counts_no_more() -> None:
    log = log_with_candidate()
    place = office(log)
    approval = ask(place, shown())
    grant(place, approval, who="ben")
    assert found(place) == approval

    made_by(log, "ben")

    assert found(place) == "approvals.grants-missing"
    with pytest.raises(GrantsMissingError):
        run(promote(place, shown("live"), approval=approval, grounds=Grounds()))


def unclaimed() -> InMemoryLog:
    """Return a log with a candidate that nobody signed for."""
    log = InMemoryLog(clock=HandClock())
    run(register_candidate(Streams(log), "index-daily", ROLLED_OUT, run_id="run-1", at_ns=START_NS))
    record_runs(log)
    return log


def test_while_nobody_signed_for_having_made_it_nobody_asks_grants_or_promotes() -> None:
    log = unclaimed()
    made_by(log, "mel")  # a name that is only written down is nobody's word

    with pytest.raises(MakerUnknownError, match="--author"):
        ask(office(log), shown())

    claim(log)
    approval = ask(office(log), shown())
    grant(office(log), approval)
    without = {name: role for name, role in ROLES_OF.items() if name != "author"}
    asked_by_mel = ask(office(log, after_s=1), shown(), who="mel")
    with pytest.raises(MakerUnknownError):
        grant(office(log, roles=without), asked_by_mel)
    with pytest.raises(MakerUnknownError):
        run(
            promote(office(log, roles=without), shown("live"), approval=approval, grounds=Grounds())
        )
    assert found(office(log, roles=without)) == "approvals.maker-unknown"
    on_paper = run(promote(office(log, roles=without), shown(), approval=None, grounds=Grounds()))
    assert on_paper.ledger.digest_of("champion") == CANDIDATE


def test_maker_that_somebody_wrote_into_the_log_is_nobodys_word() -> None:
    log, claimed = unclaimed(), log_with_candidate()
    (envelope,) = run(claimed.read_events(MAKERS_STREAM))
    word = read_maker_event(envelope)
    in_bens_name = MakerSigned.model_validate(
        word.model_dump(mode="json") | {"person": someone("ben").model_dump(mode="json")}
    )
    run(log.append_events(MAKERS_STREAM, [in_bens_name], expected_version=0, causes=CAUSES))

    with pytest.raises(MakerUnknownError):
        ask(office(log), shown())


def test_who_signed_for_having_made_it_cannot_grant_though_submitted_under_no_name() -> None:
    log = unclaimed()
    claim(log, "ben")
    approval = ask(office(log), shown())

    with pytest.raises(AuthorApprovesError):
        grant(office(log), approval, who="ben")
    grant(office(log), approval, who="eve")


def test_scheduler_answers_nothing_and_makes_nothing() -> None:
    log = log_with_candidate()
    with pytest.raises(RoleMissingError):
        ask(office(log), shown(), who="clock")
    with pytest.raises(RoleMissingError):
        claim(log, "clock")
    approval = ask(office(log), shown())
    for verb in ("grant", "deny", "revoke"):
        with pytest.raises(RoleMissingError):
            run(
                answer_approval(
                    office(log),
                    approval,
                    verb,
                    sign=signing("clock"),
                    reason="" if verb == "grant" else "no",
                    expires_at_ns=START_NS + HOUR_NS,
                )
            )


def test_request_of_a_key_that_became_a_schedulers_counts_no_more() -> None:
    place = office(log_with_candidate())
    grant(place, ask(place, shown(), who="mel"))

    assert found(office(place.events, roles={**ROLES_OF, "mel": "scheduler"})) == (
        "approvals.not-requested"
    )


def test_an_office_that_stays_open_sees_time_go_by() -> None:
    clock = HandClock(time_ns=START_NS)
    place = replace(office(log_with_candidate()), wall=clock)
    approval = ask(place, shown())
    grant(place, approval)
    assert found(place) == approval

    clock.time_ns += HOUR_NS

    assert found(place) == "approvals.expired"


def test_a_key_that_is_taken_out_of_the_owners_grants_no_more() -> None:
    place = office(log_with_candidate())
    grant(place, ask(place, shown()))
    without = {name: role for name, role in ROLES_OF.items() if name != "ben"}

    assert found(office(place.events, roles=without)) == "approvals.grants-missing"


def test_a_grant_that_somebody_wrote_into_the_log_counts_for_nothing() -> None:
    place = office(log_with_candidate())
    approval = ask(place, shown())
    promotion = promotion_asked(shown(), CANDIDATE, CAP)
    forged = ApprovalGranted(
        promotion=promotion,
        approver=someone("ben"),
        role="production",
        at_ns=START_NS,
        expires_at_ns=START_NS + HOUR_NS,
    )
    stream = approval_stream(approval)
    run(place.events.append_events(stream, [forged], expected_version=2, causes=CAUSES))

    assert found(place) == "approvals.grants-missing"


def test_two_that_ask_for_the_same_ask_for_two_approvals() -> None:
    place = office(log_with_candidate())
    first = ask(place, shown())
    second = ask(office(place.events, after_s=1), shown())

    assert first != second
    grant(place, second)
    assert found(place) == second
    assert list(run(place.approvals())) == [first, second]


def test_a_signature_for_one_approval_is_none_for_another() -> None:
    place = office(log_with_candidate())
    first = ask(place, shown())
    second = ask(office(place.events, after_s=1), shown())

    def replayed(statement: ApprovalStatement) -> bytes:
        other = statement_of(
            first,
            "grant",
            statement.promotion,
            expires_at_ns=statement.expires_at_ns or 0,
        )
        return sign_statement(other, key_of("ben"))

    with pytest.raises(StatementMismatchError):
        run(answer_approval(place, second, "grant", sign=replayed, expires_at_ns=START_NS + 1))


def test_the_author_cannot_grant_what_they_asked_for() -> None:
    place = office(log_with_candidate())
    approval = ask(place, shown(), who="ben")

    with pytest.raises(AuthorApprovesError):
        grant(place, approval, who="ben")


def test_somebody_unknown_cannot_ask() -> None:
    with pytest.raises(KeyUndeclaredError):
        ask(office(log_with_candidate()), shown(), who="stranger")


def test_what_was_never_asked_for_cannot_be_answered() -> None:
    with pytest.raises(NotRequestedError):
        grant(office(log_with_candidate()), "none")


@pytest.mark.parametrize(
    ("manifest", "refusal"),
    [
        (shown(signer=""), ManifestUnsignedError),
        (shown(signer="ben"), ManifestUnsignedError),
        (shown(final=False), ManifestNotFinalError),
        (shown("live"), ManifestTargetError),
    ],
    ids=["unsigned", "by-no-scheduler", "not-final", "for-live"],
)
def test_only_a_final_signed_pass_for_paper_can_ask(
    manifest: CheckedManifest, refusal: type[ApprovalError]
) -> None:
    with pytest.raises(refusal):
        ask(office(log_with_candidate()), manifest)


def test_a_manifest_whose_evidence_is_gone_is_refused() -> None:
    store = InMemoryArtifacts(evidence_files())
    store.replace("runs/run-1/evidence/slo_drift_gate_allowed.json", b"{}")

    with pytest.raises(ManifestRefusedError):
        shown(store=store)


def test_a_candidate_that_no_ledger_knows_cannot_be_asked_for() -> None:
    with pytest.raises(CandidateUnregisteredError):
        ask(office(InMemoryLog(clock=HandClock())), shown())


def test_the_candidate_asked_for_is_the_one_that_the_manifest_is_about() -> None:
    place, manifest = office(log_with_candidate()), shown()
    other = Promotion.model_validate(
        promotion_asked(manifest, CANDIDATE, CAP).model_dump(mode="json") | {"candidate": "00" * 32}
    )

    with pytest.raises(CandidateMismatchError):
        run(
            request_approval(
                place,
                manifest,
                other,
                author=fingerprint_of("author"),
                reason="better",
                sign=signing("author"),
            )
        )


def test_a_patch_that_would_put_something_else_in_force_is_refused() -> None:
    manifest = replace(shown(), patch=patch_to("00" * 32))

    with pytest.raises(CandidateConflictError, match="00000"):
        ask(office(log_with_candidate()), manifest)


def test_a_patch_to_the_candidate_is_accepted() -> None:
    manifest = replace(shown(), patch=patch_to(CANDIDATE))

    assert ask(office(log_with_candidate()), manifest)
