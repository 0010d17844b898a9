"""Where a rollback leads is what the ledger says now, and no more than that."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from tests.fakes.clock import HandClock
from tests.fakes.eventlog import run
from tests.fakes.governance import CHAMPION, GOOD
from tests.support.governance.governing import START_NS
from tests.support.governance.promoting import ROLLED_OUT, Grounds, office, record_runs, shown
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.approving.promoting import promote, register_candidate, revert
from torghut.workflows.scheduling.clearing import RecordedClearances
from torghut.workflows.scheduling.governor import BackTo
from torghut.workflows.scheduling.ports import Observed
from torghut.workflows.streams import Streams

ROUTER: Final = "index-daily"
OTHER: Final = "bb" * 32


def seen(**packages: str) -> Observed:
    """Return a loop whose symbols are decided by these packages."""
    (one,) = GOOD.symbols.values()
    symbols = {name: replace(one, package=package) for name, package in packages.items()}
    return replace(GOOD, symbols=symbols)


def clearances(log: InMemoryLog) -> RecordedClearances:
    """Return what stands in ``log``; ``a`` and ``b`` are of the candidate's router."""
    routers = {"a": ROUTER, "b": ROUTER, "c": "another"}
    return RecordedClearances(office=office(log), routers=routers)


def registered() -> InMemoryLog:
    """Return a log in which the candidate was tried, and does not serve."""
    log = InMemoryLog(clock=HandClock())
    run(register_candidate(Streams(log), ROUTER, ROLLED_OUT, run_id="run-1", at_ns=START_NS))
    return log


def back_to(log: InMemoryLog, candidate: str, observed: Observed) -> BackTo:
    """Return where a rollback leads."""
    return run(clearances(log).back_to(candidate, observed, cause="incident-1"))


def test_candidate_that_no_ledger_knows_has_no_digest() -> None:
    assert run(clearances(registered()).digest_of("unknown")) is None
    assert run(clearances(registered()).digest_of(ROLLED_OUT.candidate_id)) == ROLLED_OUT.digest


def test_candidate_that_nobody_knows_leaves_what_serves_where_that_is_one() -> None:
    log = InMemoryLog(clock=HandClock())

    assert back_to(log, "unknown", seen(a=CHAMPION, b=CHAMPION)) == BackTo(package=CHAMPION)
    assert back_to(log, "unknown", seen(a=CHAMPION, b=OTHER)) == BackTo(package=None)
    assert back_to(log, "unknown", seen(a="")) == BackTo(package=None)
    assert back_to(log, "unknown", seen()) == BackTo(package=None)


def test_candidate_that_never_served_leaves_what_serves_for_its_router() -> None:
    found = back_to(registered(), ROLLED_OUT.candidate_id, seen(a=CHAMPION, b=CHAMPION, c=OTHER))

    assert found == BackTo(package=CHAMPION, router=ROUTER)


def test_candidate_that_serves_goes_back_to_what_it_replaced() -> None:
    log = registered()
    record_runs(log)
    run(promote(office(log), shown(), grounds=Grounds(), approval=None, replaces=CHAMPION))
    found = back_to(log, ROLLED_OUT.candidate_id, seen(a=ROLLED_OUT.digest))

    assert found == BackTo(package=CHAMPION, router=ROUTER, serves=True)


def test_who_served_is_known_by_the_run_that_spoke_for_them_and_since_when() -> None:
    log = registered()
    record_runs(log)
    manifest = shown()
    run(promote(office(log), manifest, grounds=Grounds(), approval=None, replaces=CHAMPION))
    known = clearances(log)
    (serves,) = run(known.served())

    assert (serves.digest, serves.package, serves.until) == (
        ROLLED_OUT.digest,
        ROLLED_OUT.package,
        None,
    )
    assert serves.manifests == (manifest.document.content_hash,)
    assert run(known.runs_of(serves)) == [("run-1", 1)]

    run(revert(office(log), ROUTER, cause="incident-1", reason="drawdown"))
    (served,) = run(known.served())

    assert served.until is not None
    assert served.since == serves.since < served.until


def test_who_serves_by_a_manifest_that_no_run_has_is_answered_for_by_the_newest_run() -> None:
    log = registered()
    record_runs(log)
    run(promote(office(log), shown(), grounds=Grounds(), approval=None, replaces=CHAMPION))
    known = clearances(log)
    (serves,) = run(known.served())

    assert run(known.runs_of(replace(serves, manifests=("00" * 32,)))) == [("run-1", 2)]
