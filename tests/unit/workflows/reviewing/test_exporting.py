"""An export is the run as its events have it: the same bytes again, and nothing that is not so."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.lane.lanes import LaneWorld
from tests.support.lane.reviews import better, made, public_key
from tests.support.lane.rollouts import START_NS, plan, reassess
from torghut.artifacts.signatures import parse_public_key
from torghut.eventlog.envelopes import Causes
from torghut.governance.rollouts.rollout import (
    ROLLOUT,
    StartRun,
    read_rollout_event,
    rollout_stream,
)
from torghut.kernel.errors import ExitCode
from torghut.schemas.reviewing.export import RunExport
from torghut.workflows.reviewing.answering import check_offered, offered_export
from torghut.workflows.reviewing.errors import (
    EvidenceAlteredError,
    ManifestDisagreesError,
    RunAtWorkError,
    RunUnknownError,
)
from torghut.workflows.reviewing.exporting import export_run
from torghut.workflows.streams import Streams


def exported(files: InMemoryArtifacts) -> RunExport:
    """Return the export of the shared run, its files as given."""
    run = better()
    return asyncio.run(export_run(run.events, files, run.run_id, 1))


def test_an_export_verifies_by_itself_and_is_the_same_bytes_again() -> None:
    run = better()
    body = run.export()

    answer = check_offered(
        offered_export(body),
        trusted=[parse_public_key(public_key())],
        now_ns=0,
        recomputing=True,
    )

    assert body == run.export()
    assert answer.verdict.exit_code is ExitCode.YES
    assert all(one.same for one in answer.values)
    assert len(body) < 200_000


def test_a_run_that_a_later_cycle_failed_is_exported_as_what_holds_now() -> None:
    run = made(reassess(drift="detected"))

    answer = check_offered(
        offered_export(run.export()),
        trusted=[parse_public_key(public_key())],
        now_ns=0,
        recomputing=False,
    )

    assert answer.verdict.exit_code is ExitCode.NO
    assert answer.verdict.origin.fingerprint
    assert all(check.passed for check in answer.verdict.checks)


def test_what_is_not_as_cited_is_not_exported() -> None:
    run = better()
    path = f"runs/{run.run_id}/evaluation-card.json"
    bodies = run.bodies()

    for other in (b"{}", b"\xff\xfe"):
        with pytest.raises(EvidenceAlteredError):
            exported(InMemoryArtifacts({**bodies, path: other}))
    with pytest.raises(EvidenceAlteredError, match="missing"):
        exported(InMemoryArtifacts({name: body for name, body in bodies.items() if name != path}))


def test_a_manifest_that_its_events_do_not_lead_to_is_not_exported() -> None:
    run = better()
    path = f"runs/{run.run_id}/rollout/phase-manifest.json"
    bodies = {**run.bodies(), path: run.bodies()[path].replace(b"fx-intraday", b"fx-overnite")}

    with pytest.raises(ManifestDisagreesError):
        exported(InMemoryArtifacts(bodies))


def test_runs_that_are_not_there_or_at_work_are_refused() -> None:
    world = LaneWorld()

    async def begin() -> None:
        causes = Causes(correlation_id="test", causation_id="test")
        start = StartRun(plan=plan(), at_ns=START_NS)
        stream = rollout_stream("run-1")
        await Streams(world.events).run(ROLLOUT, read_rollout_event, stream, start, causes=causes)

    with pytest.raises(RunUnknownError):
        asyncio.run(export_run(world.events, world.files, "run-1", 1))
    asyncio.run(begin())
    with pytest.raises(RunAtWorkError):
        asyncio.run(export_run(world.events, world.files, "run-1", 1))
