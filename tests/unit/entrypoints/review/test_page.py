"""The page of a run is one well-formed file that needs nothing else and lets no text act."""

from __future__ import annotations

import re
import shlex
from base64 import b64encode
from hashlib import sha256

import pytest

from tests.fakes.artifacts import InMemoryArtifacts
from tests.support.lane.reviews import Reviewed, better, made, reviewed
from tests.support.lane.rollouts import START_NS, plan, run_after
from tests.unit.entrypoints.report.test_page import Outline
from torghut.entrypoints.review.apart import command, disagreements
from torghut.entrypoints.review.comparing import power
from torghut.entrypoints.review.page import review_page
from torghut.governance.rollouts.manifest import manifest_of
from torghut.governance.rollouts.rollout import CrashLane, RolloutCommand, StartRun
from torghut.kernel.canonical import parse_json_object
from torghut.schemas.reviewing.disagreements import Disagreements
from torghut.schemas.rollout.evaluation import EvaluationCard
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.workflows.reviewing.material import gather

HOSTILE = "'\"><script>alert(1)</script>\x1b[2J\u202e"


def page_of(run: Reviewed) -> str:
    """Return the page of a run."""
    return review_page(gather(run.manifest, run.files), run.manifest)


def outline(text: str) -> Outline:
    """Return the outline of a page."""
    found = Outline()
    found.feed(text)
    found.close()
    return found


def crashed() -> Reviewed:
    """Return a run that broke off before anything was evaluated."""
    commands: list[RolloutCommand] = [
        StartRun(plan=plan(), at_ns=START_NS),
        CrashLane(detail=HOSTILE, at_ns=START_NS),
    ]
    run = made()
    manifest = manifest_of(run_after(commands))
    return Reviewed(
        run_id=run.run_id, files=InMemoryArtifacts(), events=run.events, manifest=manifest
    )


def told_hostile() -> PhaseManifest:
    """Return a manifest with hostile words wherever a manifest has room for words."""
    stated = dict(better().manifest.model_dump(mode="json"))
    phases = [dict(one) for one in stated["phases"]]
    phases[0]["observations"] = {"verdict": HOSTILE, "reason": HOSTILE}
    phases[1]["observations"] = {"reason": HOSTILE}
    return PhaseManifest.model_validate({**stated, "phases": phases})


@pytest.mark.parametrize("make", [better, crashed, made])
def test_page_is_well_formed_and_needs_nothing_from_elsewhere(make: object) -> None:
    assert callable(make)
    text = page_of(make())
    found = outline(text)

    assert (found.faults, found.open) == ([], [])
    assert re.findall(r"(?:https?:)?//[a-z]|@import|url\(|\bsrc=", text, re.IGNORECASE) == []
    assert found.named("script") == found.named("img") == found.named("link") == []
    assert len(text.encode()) < 120_000


def test_policy_lets_the_style_work_and_nothing_else() -> None:
    text = page_of(better())
    policy = str(outline(text).named("meta")[1]["content"])
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)

    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert "script-src" not in policy
    assert "unsafe" not in policy


def test_the_same_run_gives_the_same_bytes() -> None:
    assert page_of(better()) == page_of(better())


def test_page_says_what_came_of_it_and_shows_every_gate() -> None:
    run = better()
    found = outline(page_of(run))
    text = " ".join(" ".join(found.texts).split())

    for said in ("states PASS", "Verdict: promote", "1 trial", "80 of 100 windows", "embargo"):
        assert said in text
    for phase in run.manifest.phases:
        assert phase.name in text
        assert all(row.id in text for row in phase.slo_gates)
    drawn = [one["aria-label"] for one in found.named("svg")]
    values = [
        row for phase in run.manifest.phases for row in phase.slo_gates if row.value is not None
    ]
    assert len(drawn) == len(values) + 3
    assert "How the window was split in time" in drawn


def test_every_disagreement_has_the_command_that_shows_it() -> None:
    run = better()
    told = gather(run.manifest, run.files).only(Disagreements)
    assert told is not None
    text = "".join(outline(page_of(run)).texts)

    assert len(told.largest) == 10
    for one in told.largest:
        assert f"torghut decision show {one.widest_context} --log LOG" in text


def test_links_lead_to_the_evidence_from_where_the_page_lies() -> None:
    run = better()
    links = [str(one["href"]) for one in outline(page_of(run)).named("a")]

    assert len(links) == len(run.manifest.artifact_refs)
    assert all(f"runs/{run.run_id}/{link}" in run.files.paths() for link in links)


def test_a_run_that_fails_says_so_and_why() -> None:
    text = " ".join(outline(page_of(reviewed("worse"))).texts)

    assert "FAIL" in text
    assert "worse-than-champion" in text
    assert "states PASS" not in text


def test_a_run_that_broke_off_has_a_page_and_no_pass() -> None:
    text = " ".join(outline(page_of(crashed())).texts)

    assert "NOT FINAL" in text
    assert "nothing to compare" in text


def test_evidence_that_is_not_as_cited_is_not_shown_as_such() -> None:
    run = better()
    path = f"runs/{run.run_id}/evaluation-card.json"
    altered = InMemoryArtifacts({**run.bodies(), path: b"{}"})
    text = " ".join(outline(review_page(gather(run.manifest, altered), run.manifest)).texts)

    assert "wrong-digest" in text
    assert "nothing to compare" in text


def test_hostile_words_stay_words() -> None:
    run = better()
    text = review_page(gather(run.manifest, run.files), told_hostile())
    found = outline(text)

    assert "<script>alert(1)</script>" in "".join(found.texts)
    assert found.named("script") == []
    assert not set(text) & {"\x1b", "\u202e"}
    for _, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]


def test_hostile_log_is_one_word_of_the_command_and_stays_text() -> None:
    run = better()
    told = gather(run.manifest, run.files).only(Disagreements)
    assert told is not None
    spoilt = Disagreements.model_validate({**told.model_dump(mode="json"), "log": HOSTILE})

    assert shlex.split(command(spoilt.largest[0], HOSTILE))[-1] == HOSTILE
    assert outline(disagreements(spoilt)).named("script") == []


def test_power_is_told_in_words_also_where_nothing_is_known() -> None:
    run = better()
    card = gather(run.manifest, run.files).only(EvaluationCard)
    assert card is not None
    stated = dict(parse_json_object(card.model_dump_json().encode()))
    differences = stated["differences"]
    assert isinstance(differences, list)
    blind = [{**one, "detectable_edge": None, "detectable_sharpe": None} for one in differences]

    told = list(power(card))
    unknown = list(power(EvaluationCard.model_validate({**stated, "differences": blind})))

    assert len(told) == len(unknown) == 2
    assert all("would have been found in 80 of 100 windows" in one for one in told)
    assert all("not known" in one for one in unknown)
