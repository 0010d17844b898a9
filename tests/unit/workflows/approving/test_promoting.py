"""Who serves is on record, once, whoever is killed in between, and can be taken back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.fakes.clock import HandClock
from tests.fakes.dying import MortalLog
from tests.fakes.eventlog import CAUSES, run
from tests.support.governance.approving import CANDIDATE
from tests.support.governance.governing import START_NS
from tests.support.governance.promoting import (
    ROLLED_OUT,
    Grounds,
    candidate,
    claim,
    office,
    patch_to,
    record_runs,
    shown,
    signing,
)
from tests.support.governance.promoting import promote as promote_of
from tests.unit.workflows.approving.test_answering import ask, grant, log_with_candidate
from torghut.eventlog.errors import LogWriteError, Obstacle
from torghut.governance.approvals.errors import (
    ExpiredError,
    ManifestTargetError,
    NotionalCapExceededError,
    NotRequestedError,
    RevokedError,
    UsedUpError,
)
from torghut.governance.ledger.errors import (
    ApprovalMissingError,
    CandidateUnknownError,
    ChampionChangedError,
    ManifestUnfitError,
    NotChampionError,
    PromotionSpentError,
)
from torghut.governance.ledger.ledger import LEDGER, ledger_stream
from torghut.schemas.rollout.manifest import ManifestDocument
from torghut.workflows.approving.answering import answer_approval
from torghut.workflows.approving.errors import LiveUnfoundedError
from torghut.workflows.approving.manifests import CheckedManifest
from torghut.workflows.approving.office import Office
from torghut.workflows.approving.promoting import Changed, promote, register_candidate, revert
from torghut.workflows.streams import Streams

ROUTER = "index-daily"


def approved(place: Office) -> str:
    """Return an approval that holds for an hour."""
    approval = ask(place, shown())
    grant(place, approval)
    return approval


def to_live(place: Office, approval: str | None, *, cap: int | None = None) -> Changed:
    """Promote the candidate to live."""
    notional_cap = None if cap is None else Decimal(cap)
    return run(
        promote(
            place, shown("live"), grounds=Grounds(), approval=approval, notional_cap=notional_cap
        )
    )


def test_a_paper_manifest_promotes_to_paper_and_says_what_to_send() -> None:
    place = office(log_with_candidate())

    changed = run(promote(place, shown(), grounds=Grounds(), approval=None))

    assert not changed.again
    assert (changed.router, changed.ledger.digest_of("champion")) == (ROUTER, CANDIDATE)
    assert changed.control is not None
    assert (changed.control.router, changed.control.package) == (ROUTER, CANDIDATE)


def test_the_same_again_changes_nothing_and_says_the_same() -> None:
    place = office(log_with_candidate())
    first = run(promote(place, shown(), grounds=Grounds(), approval=None))

    again = run(promote(place, shown(), grounds=Grounds(), approval=None))

    assert again.again
    assert (again.control, again.ledger) == (first.control, first.ledger)


def test_live_uses_an_approval_up() -> None:
    place = office(log_with_candidate())
    approval = approved(place)

    changed = to_live(place, approval)

    assert changed.ledger.champion is not None
    assert changed.ledger.champion.target == "live"
    used = run(place.approval(approval)).used
    assert used is not None
    assert used.promotion_id == changed.ledger.champion.promotion_id
    assert to_live(place, approval).again


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"allow_live": False}, "live-not-allowed"),
        ({"drift_fault": "drift-evidence-stale"}, "drift-evidence-stale"),
        ({"continuity_alert": True}, "continuity-alert"),
        ({"stage_target": "paper"}, "stage-allows-paper-only"),
    ],
)
def test_live_is_refused_once_something_it_takes_is_missing_and_uses_nothing_up(
    changed: Mapping[str, object], missing: str
) -> None:
    place = office(log_with_candidate())
    approval = approved(place)
    now = Grounds(changed)

    with pytest.raises(LiveUnfoundedError, match=missing):
        run(promote(place, shown("live"), approval=approval, grounds=now))
    run(promote(place, shown(), approval=None, grounds=now))  # paper takes none of it
    assert run(place.approval(approval)).used is None

    changed_since = to_live(place, approval)
    assert changed_since.ledger.champion is not None
    again = run(promote(place, shown("live"), approval=approval, grounds=now))
    assert again.again, "what is on record is not judged again"


def test_an_approval_serves_one_promotion() -> None:
    place = office(log_with_candidate())
    approval = approved(place)
    to_live(place, approval)
    run(revert(place, ROUTER, cause="incident-1", reason="drawdown"))

    with pytest.raises(PromotionSpentError):
        to_live(place, approval)
    other = replace(shown("live"), document=another_run())
    with pytest.raises(UsedUpError):
        run(promote(place, other, grounds=Grounds(), approval=approval))


def another_run() -> ManifestDocument:
    """Return the document of another live run of the candidate."""
    document = shown("live").document
    return type(document).model_validate(
        document.model_dump(mode="json") | {"content_hash": "33" * 32}
    )


def test_live_without_an_approval_is_refused() -> None:
    place = office(log_with_candidate())

    with pytest.raises(ApprovalMissingError):
        to_live(place, None)
    with pytest.raises(NotRequestedError):
        to_live(place, "none")


def test_paper_with_an_approval_is_refused_and_leaves_it() -> None:
    place = office(log_with_candidate())
    approval = approved(place)

    with pytest.raises(ManifestTargetError):
        run(promote(place, shown(), grounds=Grounds(), approval=approval))
    assert run(place.approval(approval)).used is None


def test_what_was_revoked_promotes_nothing() -> None:
    place = office(log_with_candidate())
    approval = approved(place)
    run(answer_approval(place, approval, "revoke", sign=signing("eve"), reason="news"))

    with pytest.raises(RevokedError):
        to_live(place, approval)


def test_what_has_run_out_promotes_nothing() -> None:
    place = office(log_with_candidate())
    approval = approved(place)

    with pytest.raises(ExpiredError):
        to_live(office(place.events, after_s=3600), approval)


def test_no_more_is_traded_than_was_approved() -> None:
    place = office(log_with_candidate())
    approval = approved(place)

    with pytest.raises(NotionalCapExceededError):
        to_live(place, approval, cap=25_001)
    assert not to_live(place, approval, cap=25_000).again


def test_a_promotion_that_is_refused_uses_nothing_up() -> None:
    place = office(log_with_candidate())
    approval = approved(place)
    unsigned = replace(shown("live"), signed=False)

    with pytest.raises(Exception, match="signed"):
        run(promote(place, unsigned, grounds=Grounds(), approval=approval))
    assert run(place.approval(approval)).used is None


@pytest.mark.parametrize(
    "manifest", [replace(shown(), finalised=False), replace(shown(), signed=False)]
)
def test_only_a_final_signed_manifest_promotes(manifest: CheckedManifest) -> None:
    place = office(log_with_candidate())

    with pytest.raises(ManifestUnfitError):
        run(promote(place, manifest, grounds=Grounds(), approval=None))


@pytest.mark.parametrize("appends", [0, 1])
def test_killed_between_use_and_promotion_the_same_again_goes_on(appends: int) -> None:
    log = MortalLog(clock=HandClock())
    log.fault = LogWriteError(obstacle=Obstacle.CLOSED, detail="killed")
    run(register_candidate(Streams(log), ROUTER, ROLLED_OUT, run_id="run-1", at_ns=START_NS))
    record_runs(log)
    claim(log)
    approval = approved(office(log))
    log.left = appends
    with pytest.raises(LogWriteError):
        to_live(office(log), approval)
    log.left = None

    late_s = 900 if appends else 0
    changed = to_live(office(log, after_s=late_s), approval)

    assert changed.ledger.digest_of("champion") == CANDIDATE
    assert changed.ledger.version == 1


def test_what_served_before_is_taken_back_to_and_told() -> None:
    log = log_with_candidate()
    place = office(log)
    before = "ab" * 32
    run(promote(place, shown(), grounds=Grounds(), approval=None, replaces=before))

    changed = run(revert(place, ROUTER, cause="incident-1", reason="drawdown"))

    assert changed.ledger.serving == before
    assert changed.control is not None
    assert (changed.control.control_id, changed.control.package) == ("revert-incident-1", before)
    again = run(revert(place, ROUTER, cause="incident-1", reason="drawdown"))
    assert again.again
    assert again.control == changed.control


def test_what_a_patch_says_it_replaces_is_what_served_before() -> None:
    place = office(log_with_candidate())
    patch = patch_to(CANDIDATE, replaces="cd" * 32)
    run(promote(place, replace(shown(), patch=patch), grounds=Grounds(), approval=None))

    changed = run(revert(place, ROUTER, cause="incident-1", reason="drawdown"))

    assert changed.ledger.serving == "cd" * 32


def patched(manifest: CheckedManifest, replaces: str | None) -> CheckedManifest:
    """Return a manifest whose candidate was judged against ``replaces``."""
    return replace(manifest, patch=patch_to(CANDIDATE, replaces=replaces))


def serving(name: str) -> Office:
    """Return an office in whose ledger another candidate serves."""
    log = log_with_candidate()
    run(register_candidate(Streams(log), ROUTER, candidate(name), run_id="run-c", at_ns=START_NS))
    run(
        log.append_events(
            ledger_stream(ROUTER),
            LEDGER.decide(promote_of(name, 0), run(office(log).ledger(ROUTER))),
            expected_version=2,
            causes=CAUSES,
        )
    )
    return office(log)


@pytest.mark.parametrize("judged", [None, "ab" * 32])
def test_what_beat_another_than_serves_now_is_not_promoted(judged: str | None) -> None:
    place = serving("c")
    champion = candidate("c").digest

    with pytest.raises(ChampionChangedError, match="run the lane again") as refused:
        run(promote(place, patched(shown(), judged), grounds=Grounds(), approval=None))

    assert champion in refused.value.expected
    assert (judged or "no package") in refused.value.found
    assert run(place.ledger(ROUTER)).digest_of("champion") == champion


def test_what_beat_what_serves_now_is_promoted() -> None:
    place = serving("c")

    changed = run(
        promote(place, patched(shown(), candidate("c").digest), grounds=Grounds(), approval=None)
    )

    assert changed.ledger.digest_of("champion") == CANDIDATE
    again = run(
        promote(place, patched(shown(), candidate("c").digest), grounds=Grounds(), approval=None)
    )
    assert again.again


def test_a_stale_comparison_uses_no_approval_up() -> None:
    place = serving("c")
    approval = approved(place)

    with pytest.raises(ChampionChangedError):
        run(promote(place, patched(shown("live"), "ab" * 32), grounds=Grounds(), approval=approval))

    assert run(place.approval(approval)).used is None


def test_where_nothing_serves_nothing_is_taken_back() -> None:
    place = office(log_with_candidate())

    with pytest.raises(NotChampionError):
        run(revert(place, ROUTER, cause="incident-1", reason="drawdown"))
    with pytest.raises(CandidateUnknownError):
        run(revert(place, "no-router", cause="incident-1", reason="drawdown"))


def test_trials_are_counted_over_all_runs_of_a_router() -> None:
    streams = Streams(log_with_candidate())

    def tried(name: str, run_id: str) -> int:
        return run(
            register_candidate(streams, ROUTER, candidate(name), run_id=run_id, at_ns=START_NS)
        )

    assert tried("a", "run-2") == 2
    assert tried("a", "run-2") == 2
    assert tried("b", "run-3") == 3
