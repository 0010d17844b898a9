"""Who serves changes by what was earned, by compare-and-swap, and can be taken back exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.governance.promoting import (
    Ledger,
    candidate,
    demote,
    facts,
    ledger,
    promote,
    register,
    retain,
    take_back,
)
from torghut.governance.ledger.errors import (
    AliasStaleError,
    ApprovalMissingError,
    CandidateConflictError,
    CandidateUnknownError,
    ChampionError,
    DeclarationsUnsupportedError,
    LedgerError,
    ManifestUnfitError,
    NotChampionError,
    PromotionSpentError,
    QuarantinedError,
)
from torghut.governance.ledger.ledger import Promote, promotion_id
from torghut.governance.ledger.state import Alias
from torghut.governance.safety.errors import ReasonMissingError
from torghut.schemas.governing.ledger import LedgerCandidate, PromotionReverted


def named(stream: Ledger, alias: Alias) -> str | None:
    """Return the name of the candidate that an alias names."""
    digest = stream.state.digest_of(alias)
    names = {candidate(name).digest: name for name in "abcd"}
    return None if digest is None else names[digest]


def roles(stream: Ledger) -> dict[str, str]:
    """Return what each candidate is."""
    known = stream.state.candidates.values()
    return {one.candidate.candidate_id.removeprefix("candidate-"): one.role for one in known}


def test_declarations_are_not_promoted_until_a_term_carries_them() -> None:
    stream = ledger()
    digest = candidate("a").digest
    policy = LedgerCandidate(candidate_id="policy-a", digest=digest, package=None)
    stream.send(replace(register("a"), candidate=policy))

    with pytest.raises(DeclarationsUnsupportedError, match="by hand"):
        stream.send(promote("a", 0))

    assert stream.state.champion is None


def test_every_run_that_tries_a_candidate_is_one_trial() -> None:
    stream = ledger("a", "b")
    stream.send(register("a", run="run-a-again"))
    assert stream.send(register("a")) == []

    assert stream.state.trials == 3
    assert named(stream, "challenger") == "a"
    assert named(stream, "champion") is None


def test_an_id_stands_for_one_candidate() -> None:
    stream = ledger("a")
    other = replace(
        register("b", run="run-2"),
        candidate=candidate("b").model_validate(
            candidate("b").model_dump() | {"candidate_id": "candidate-a"}
        ),
    )

    with pytest.raises(CandidateConflictError):
        stream.send(other)


def test_the_promoted_serves_and_who_served_is_previous() -> None:
    stream = ledger("a", "b")
    stream.send(promote("a", 0))
    stream.send(promote("b", 1))

    assert (named(stream, "champion"), named(stream, "previous")) == ("b", "a")
    assert named(stream, "challenger") is None
    assert roles(stream) == {"a": "demoted", "b": "champion"}
    assert stream.state.serving == candidate("b").package
    assert stream.state.version == 2


def test_what_somebody_promotes_who_saw_an_older_state_is_refused() -> None:
    stream = ledger("a", "b")
    stream.send(promote("a", 0))

    with pytest.raises(AliasStaleError):
        stream.send(promote("b", 0))
    assert named(stream, "champion") == "a"


def test_the_same_promotion_again_changes_nothing() -> None:
    stream = ledger("a", "b")
    stream.send(promote("a", 0))

    assert stream.send(promote("a", 0)) == []
    assert stream.send(promote("a", 1)) == []


def test_a_promotion_that_others_followed_does_not_take_place_again() -> None:
    stream = ledger("a", "b")
    stream.send(promote("a", 0))
    stream.send(promote("b", 1))

    with pytest.raises(PromotionSpentError):
        stream.send(promote("a", 2))
    stream.send(promote("a", 2, run="-2"))
    assert named(stream, "champion") == "a"


def test_only_what_was_tried_can_be_promoted() -> None:
    with pytest.raises(CandidateUnknownError):
        ledger("a").send(promote("b", 0))


@pytest.mark.parametrize(
    "change",
    [
        {"finalised": False},
        {"signed": False},
        {"status": "fail"},
        {"target": "live"},
        {"candidate": "00" * 32},
    ],
)
def test_only_a_final_signed_pass_for_that_target_promotes(change: dict[str, object]) -> None:
    with pytest.raises(ManifestUnfitError):
        ledger("a").send(replace(promote("a", 0), manifest=facts("a", "paper", **change)))


def live(**changes: object) -> Promote:
    """Return a promotion to live whose approval was used by something else in one respect."""
    command = promote("a", 0, target="live")
    assert command.approval is not None
    name, used = command.approval
    stated = used.model_dump(mode="json")
    for key, value in changes.items():
        if key == "candidate":
            stated["promotion"]["candidate"] = value
        else:
            stated[key] = value
    return replace(command, approval=(name, used.model_validate(stated)))


def test_live_takes_an_approval_that_this_promotion_used() -> None:
    stream = ledger("a")

    with pytest.raises(ApprovalMissingError):
        stream.send(replace(live(), approval=None))
    with pytest.raises(ApprovalMissingError):
        stream.send(live(promotion_id="promotion-of-another"))
    with pytest.raises(ApprovalMissingError):
        stream.send(live(live_manifest="00" * 32))
    with pytest.raises(ApprovalMissingError):
        stream.send(live(candidate="00" * 32))
    stream.send(live())
    assert named(stream, "champion") == "a"


def test_paper_uses_no_approval_up() -> None:
    with pytest.raises(ApprovalMissingError):
        ledger("a").send(replace(promote("a", 0), approval=live().approval))


def test_a_champion_of_paper_goes_to_live_without_forgetting_who_served_before() -> None:
    stream = ledger("a", "b")
    stream.send(promote("b", 0))
    stream.send(promote("a", 1))
    stream.send(promote("a", 2, target="live"))

    assert (named(stream, "champion"), named(stream, "previous")) == ("a", "b")
    assert stream.state.champion is not None
    assert stream.state.champion.target == "live"


def test_a_revert_returns_exactly_what_served_before() -> None:
    stream = ledger("a", "b", "c")
    for version, name in enumerate("abc"):
        stream.send(promote(name, version))
    before = stream.state.before[-1]

    (event,) = stream.send(take_back(3))

    assert isinstance(event, PromotionReverted)
    assert stream.state.champion == before
    assert (named(stream, "champion"), named(stream, "previous")) == ("b", "a")
    assert roles(stream) == {"a": "demoted", "b": "champion", "c": "demoted"}


def test_a_revert_for_the_same_cause_takes_place_once() -> None:
    stream = ledger("a", "b", "c")
    for version, name in enumerate("abc"):
        stream.send(promote(name, version))
    stream.send(take_back(3))

    assert stream.send(take_back(3)) == []
    assert stream.send(take_back(4)) == []
    assert named(stream, "champion") == "b"
    with pytest.raises(AliasStaleError):
        stream.send(take_back(3, cause="incident-2"))


def test_the_first_champion_gives_way_to_what_served_when_it_came() -> None:
    stream = ledger("a")
    stream.send(replace(promote("a", 0), replaces="ef" * 32))
    (event,) = stream.send(take_back(1))

    assert isinstance(event, PromotionReverted)
    assert (event.restored, event.package) == (None, "ef" * 32)
    assert stream.state.serving == "ef" * 32
    with pytest.raises(NotChampionError):
        stream.send(take_back(2, cause="incident-2"))


def test_where_nobody_serves_nothing_is_taken_back() -> None:
    with pytest.raises(NotChampionError):
        ledger("a").send(take_back(0))


def test_what_is_taken_back_twice_never_serves_again() -> None:
    stream = ledger("a", "b")
    stream.send(promote("a", 0))
    stream.send(promote("b", 1))
    stream.send(take_back(2))
    assert roles(stream)["b"] == "demoted"
    stream.send(promote("b", 3, run="-2"))
    stream.send(take_back(4, cause="incident-2"))

    assert roles(stream) == {"a": "champion", "b": "quarantined"}
    with pytest.raises(QuarantinedError):
        stream.send(promote("b", 5, run="-3"))
    stream.send(register("b", run="run-b-4"))
    assert roles(stream)["b"] == "quarantined"
    assert stream.state.trials == 3


def test_what_is_quarantined_is_nowhere_on_the_way_back() -> None:
    stream = ledger("a", "b")
    stream.send(promote("b", 0))
    stream.send(promote("a", 1))
    stream.send(promote("b", 2, run="-2"))
    stream.send(take_back(3, cause="incident-1"))
    stream.send(promote("b", 4, run="-3"))
    stream.send(take_back(5, cause="incident-2"))

    assert roles(stream)["b"] == "quarantined"
    stream.send(take_back(6, cause="incident-3"))
    assert named(stream, "champion") is None


def test_the_only_champion_there_ever_was_can_be_quarantined() -> None:
    stream = ledger("a")
    stream.send(promote("a", 0))
    stream.send(take_back(1))
    stream.send(promote("a", 2, run="-2"))
    stream.send(take_back(3, cause="incident-2"))

    assert roles(stream) == {"a": "quarantined"}
    assert named(stream, "champion") is named(stream, "previous") is None


def test_nobody_serves_before_themselves_once_who_was_between_is_quarantined() -> None:
    stream = ledger("a", "b")
    for version, name in enumerate(["a", "b", "a", "b"]):
        stream.send(promote(name, version, run=f"-{version}"))
    stream.send(take_back(4, cause="incident-1"))
    stream.send(promote("b", 5, run="-5"))
    stream.send(take_back(6, cause="incident-2"))

    assert named(stream, "champion") == "a"
    assert named(stream, "previous") is None


def test_what_lost_is_retained_and_contends_no_longer() -> None:
    stream = ledger("a", "b")
    stream.send(promote("a", 0))
    stream.send(retain("b"))

    assert roles(stream) == {"a": "champion", "b": "retained"}
    assert named(stream, "challenger") is None
    assert stream.state.version == 1
    assert stream.send(retain("b")) == []


def test_where_the_newest_challenger_lost_the_one_before_it_is_the_newest() -> None:
    stream = ledger("a", "b", "c")
    stream.send(retain("c"))
    before = named(stream, "challenger")
    stream.send(retain("b"))

    assert (before, named(stream, "challenger")) == ("b", "a")


def test_what_lost_contends_again_when_its_run_is_made_again_and_that_is_no_trial() -> None:
    stream = ledger("a", "b")
    stream.send(retain("a"))

    stream.send(register("a"))

    assert roles(stream) == {"a": "challenger", "b": "challenger"}
    assert named(stream, "challenger") == "a"
    assert stream.state.trials == 2
    assert stream.send(register("a")) == []


def test_what_is_withdrawn_is_demoted() -> None:
    stream = ledger("a")
    stream.send(demote("a"))

    assert roles(stream) == {"a": "demoted"}
    assert stream.send(demote("a")) == []
    assert stream.send(retain("a")) == []


def test_the_champion_is_neither_demoted_nor_retained() -> None:
    stream = ledger("a")
    stream.send(promote("a", 0))

    with pytest.raises(ChampionError):
        stream.send(demote("a"))
    with pytest.raises(ChampionError):
        stream.send(retain("a"))


def test_whoever_changes_something_says_why() -> None:
    stream = ledger("a", "b")
    stream.send(promote("a", 0))

    with pytest.raises(ReasonMissingError):
        stream.send(replace(take_back(1), reason="  "))
    with pytest.raises(ReasonMissingError):
        stream.send(replace(demote("b"), reason=""))


def test_a_promotion_is_named_by_its_content() -> None:
    digest = candidate("a").digest
    one = promotion_id("index-daily", digest, "live", "11" * 32)

    assert one == promotion_id("index-daily", digest, "live", "11" * 32)
    assert one != promotion_id("index-daily", digest, "paper", "11" * 32)
    assert one != promotion_id("index-daily", digest, "live", "22" * 32)
    assert one != promotion_id("other", digest, "live", "11" * 32)


def test_each_refusal_has_its_code() -> None:
    codes = [one.code for one in LedgerError.__subclasses__()]

    assert len(codes) == len(set(codes))
    assert all(code.startswith("ledger.") for code in codes)
