"""Every value that follows from evidence is derived again, and one that was changed shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.lane.lanes import LaneWorld, evaluated, made_run
from tests.support.lane.reviews import Reviewed, better, reviewed
from tests.support.lane.rollouts import evidence_files, manifest_after, whole_run
from torghut.governance.rollouts.manifest import content_hash
from torghut.governance.verification.document import parse_document
from torghut.kernel.canonical import JsonValue, canonical_bytes, parse_json_object
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode
from torghut.workflows.lane.ports import Rehearsed
from torghut.workflows.reviewing.answering import Answer, Offered, check_offered
from torghut.workflows.reviewing.material import gather
from torghut.workflows.reviewing.recomputing import recompute

Json = dict[str, JsonValue]


def verified(body: bytes, files: Mapping[str, bytes], *, recomputing: bool = True) -> Answer:
    """Return what a manifest is worth beside its evidence."""
    offered = Offered(body=body, store=InMemoryArtifacts(files), envelope=None, place="in a test")
    return check_offered(offered, trusted=(), now_ns=2**62, recomputing=recomputing)


def forged(
    run: Reviewed, name: str, change: Callable[[Json], None]
) -> tuple[bytes, dict[str, bytes]]:
    """Return a run with an artifact changed and everything that cites it made to fit again."""
    files = run.bodies()
    path = f"runs/{run.run_id}/{name}"
    stated: Json = dict(parse_json_object(files[path]))
    change(stated)
    before, files[path] = files[path], canonical_bytes(stated)
    own = f"runs/{run.run_id}/rollout/phase-manifest.json"
    old, new = sha256_hex(before).encode(), sha256_hex(files[path]).encode()
    manifest = dict(parse_json_object(files[own].replace(old, new)))
    manifest["content_hash"] = content_hash(manifest)
    return canonical_bytes(manifest), files


def test_everything_that_can_be_derived_is_the_same_again() -> None:
    run = better()
    document, _ = parse_document(canonical_bytes(run.manifest.model_dump(mode="json")))
    assert document is not None

    derived = recompute(gather(document, run.files))

    assert [one for one in derived.values if not one.same] == []
    what = {one.what for one in derived.values}
    assert {
        "run",
        "candidate",
        "seed",
        "edge over champion",
        "tail",
        "verdict of the judge",
    } <= what
    assert {"gate_edge_over_no_op", "gate_tail_loss", "lineage of paper-canary"} <= what
    assert {"status", "transitions", "content hash", "recommendation"} <= what
    assert {one.partition(":")[0] for one in derived.left} == {
        "gate_equal_budget",
        "gate_rows_reproducibility",
        "gate_unmatched_contexts",
        "slo_required_artifacts_present",
    }


@pytest.mark.parametrize("name", ["worse", "peeking"])
def test_a_fail_is_derived_again_too(name: str) -> None:
    run = reviewed(name)
    body = canonical_bytes(run.manifest.model_dump(mode="json"))

    answer = verified(body, run.bodies())

    assert [one for one in answer.values if not one.same] == []
    assert answer.verdict.exit_code is ExitCode.NO


def _more_edge(card: Json) -> None:
    differences = card["differences"]
    assert isinstance(differences, list)
    differences[0]["lower"] = 0.5


def _another_verdict(card: Json) -> None:
    card["verdict"] = "deny"


def _fewer_trials(card: Json) -> None:
    card["trials"] = 40


def _another_seed(card: Json) -> None:
    card["seed"] = 1


def _smaller_tail(card: Json) -> None:
    tail = card["tail"]
    assert isinstance(tail, dict)
    tail["ratio_upper"] = 0.1


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_more_edge, "edge over champion"),
        (_another_verdict, "verdict of the judge"),
        (_fewer_trials, "edge over champion"),
        (_another_seed, "seed"),
        (_smaller_tail, "tail"),
    ],
)
def test_a_card_that_does_not_follow_from_its_blocks_shows(
    change: Callable[[Json], None], what: str
) -> None:
    body, files = forged(better(), "evaluation-card.json", change)

    taken = verified(body, files, recomputing=False)
    again = verified(body, files)

    assert all(check.passed for check in taken.verdict.checks)
    assert what in {one.what for one in again.values if not one.same}
    assert again.verdict.exit_code is ExitCode.INTEGRITY


def _flattered(blocks: Json) -> None:
    figures = blocks["figures"]
    assert isinstance(figures, dict)
    first = figures["differences"][0]
    first["sums"] = [abs(one) for one in first["sums"]]


def _ragged(blocks: Json) -> None:
    figures = blocks["figures"]
    assert isinstance(figures, dict)
    figures["counts"] = figures["counts"][1:]


def _endless(blocks: Json) -> None:
    policy = blocks["policy"]
    assert isinstance(policy, dict)
    policy["blocks"].update(resamples_min=10**9, resamples_max=10**9)


def _huge(blocks: Json) -> None:
    figures = blocks["figures"]
    assert isinstance(figures, dict)
    figures["champion"]["sums"] = [1e308] * len(figures["counts"])


@pytest.mark.parametrize("change", [_flattered, _ragged, _endless, _huge])
def test_blocks_that_were_changed_show_and_never_break_the_reader(
    change: Callable[[Json], None],
) -> None:
    body, files = forged(better(), "paired-blocks.json", change)

    answer = verified(body, files)

    assert [one for one in answer.values if not one.same] != []
    assert answer.verdict.exit_code is ExitCode.INTEGRITY


def test_a_stage_that_was_relinked_shows() -> None:
    def relinked(stage: Json) -> None:
        stage["previous"] = "ab" * 32

    body, files = forged(better(), "stages/3-rollback-readiness.json", relinked)

    answer = verified(body, files)

    differing = {one.what for one in answer.values if not one.same}
    assert {"lineage of rollback-readiness", "rollback-readiness follows"} <= differing


def test_a_switch_that_did_not_work_shows_behind_a_gate_that_says_it_did() -> None:
    def broken(readiness: Json) -> None:
        switches = readiness["switches"]
        assert isinstance(switches, list)
        switches[0]["effective"] = False

    body, files = forged(better(), "readiness.json", broken)

    answer = verified(body, files)

    differing = {one.what for one in answer.values if not one.same}
    assert "slo_required_rollback_checks_present" in differing


@pytest.mark.parametrize("phase", ["gate-evaluation", "rollback-readiness"])
def test_a_run_that_broke_off_is_derived_as_far_as_it_came(phase: str) -> None:
    world = LaneWorld()
    broken = evaluated(broken=phase == "gate-evaluation")
    if phase == "rollback-readiness":
        world.tried = Rehearsed(switches=[None], at_ns=0)  # type: ignore[list-item]
    result = made_run(world, broken)
    files = {path: world.files.read(path) for path in world.files.paths()}

    answer = verified(world.files.read(result.own_copy), files)

    assert result.ended.phase == phase
    assert [one for one in answer.values if not one.same] == []
    assert answer.verdict.exit_code is ExitCode.NO


def test_a_run_that_is_not_the_lanes_own_says_what_cannot_be_derived() -> None:
    answer = verified(manifest_after(whole_run()), evidence_files())

    assert all(one.same for one in answer.values)
    assert any(one.startswith("the judgement:") for one in answer.not_checked)
    assert answer.verdict.exit_code is ExitCode.NOT_FINAL
