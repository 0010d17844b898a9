"""One run as one HTML file: what was asked, what came of it, why, and where it is shown.

The page is a rendering of a manifest and its evidence and nothing else: the same bytes of those
give the same bytes of this. It proves nothing; it says what to type to have it proven.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import quote

from torghut.artifacts.paths import stays_below
from torghut.entrypoints.report.document import document, resource
from torghut.entrypoints.report.figures import NONE, count
from torghut.entrypoints.report.markup import Content, Markup, element, joined
from torghut.entrypoints.review import comparing
from torghut.entrypoints.review.apart import disagreements
from torghut.entrypoints.review.gates import gates, phases
from torghut.entrypoints.review.words import badge, bps, figure, rows_table
from torghut.schemas.reviewing.disagreements import Disagreements
from torghut.schemas.rollout.evaluation import EvaluationCard
from torghut.schemas.rollout.lane import LaneInputs
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.workflows.reviewing.material import Material
from torghut.workflows.rollout.places import run_manifest

_SHORT: Final = 16
_MEANS: Final = {
    "promote": "it is shown to be better than everything it could be left for",
    "no-op": "it is not shown to be better, and nothing is changed",
    "deny": "it is shown to be worse, or its tail speaks against it",
    "insufficient": "there was too little to judge, which is no pass",
    "refuse": "its figures cannot be believed, whatever they are",
}
"""What each verdict means, in a sentence."""


def review_page(material: Material, manifest: PhaseManifest) -> str:
    """Return the page of a run.

    Args:
        material: The manifest's evidence, as found; what is not as cited is left out.
        manifest: What holds of the run.
    """
    card = material.only(EvaluationCard)
    body = element(
        "body",
        _header(material, manifest, card),
        _cards(manifest, card),
        element("h2", "Phases"),
        phases(manifest),
        *_compared(material, card),
        element("h2", "Gates"),
        *gates(manifest),
        element("h2", "Evidence"),
        _evidence(material),
        element("h2", "Do not believe this page"),
        _next(manifest),
    )
    style = resource("page.css") + _own_style()
    return document(f"Review of {manifest.run_id}", body, style=style)


def _own_style() -> str:
    """Return what a review looks like besides what every page does."""
    return resource("page.css", package=__package__ or "")


def _header(material: Material, manifest: PhaseManifest, card: EvaluationCard | None) -> Markup:
    """Return what was tried, and what came of it."""
    summary = manifest.observation_summary
    inputs = material.only(LaneInputs)
    missing = ", ".join(summary.missing_for_live)
    asked = f"{summary.asked_promotion_target} asked"
    lowered = f"{asked}; paper, because of: {missing}" if missing else asked
    facts: list[tuple[str, Content]] = [
        ("candidate", element("code", manifest.candidate_id)),
        ("target", lowered),
        ("attempt", f"{summary.attempt}, lane {summary.lane}"),
        ("trials", NONE if card is None else f"{count(card.trials)} on this router, with this one"),
        ("log", NONE if inputs is None else _log(inputs)),
        ("as of", manifest.updated_at.replace("T", " ").replace("Z", " UTC")),
        ("content hash", element("code", manifest.content_hash)),
    ]
    return element(
        "header",
        element("h1", f"Review of {manifest.run_id}"),
        element("p", *_badges(manifest)),
        element("p", *_lead(manifest, card), class_="lead"),
        element("dl", *(_fact(name, told) for name, told in facts), class_="facts"),
    )


def _log(inputs: LaneInputs) -> Content:
    """Return which log was decided again."""
    return joined((f"up to block {count(inputs.log_block)}, ", element("code", inputs.log_head)))


def _fact(name: str, told: Content) -> Markup:
    """Return a name and what it is."""
    return joined((element("dt", name), element("dd", told)))


def _badges(manifest: PhaseManifest) -> Iterator[Content]:
    """Yield what must not be overlooked."""
    if not manifest.observation_summary.finalised:
        yield badge("NOT FINAL", "wait")
        yield "never a pass until the safety controls of a cycle have spoken"
    elif manifest.status == "pass":
        yield badge("states PASS", "pass")
        yield "a genuine one only if it is signed: see below"
    else:
        yield badge("FAIL", "fail")


def _lead(manifest: PhaseManifest, card: EvaluationCard | None) -> Iterator[Content]:
    """Yield what came of it, in a sentence or two."""
    observed = manifest.phases[0].observations
    verdict = str(observed.get("verdict", "")) or "none"
    means = _MEANS.get(verdict, "the run did not come to one")
    yield element("b", f"Verdict: {verdict}")
    reason = observed.get("reason")
    yield f" ({reason}): {means}." if reason else f": {means}."
    if card is not None:
        yield (
            f" Judged on {count(card.decisions)} decisions of {count(card.signals)} contexts that "
            "nothing was fitted or chosen on."
        )


def _cards(manifest: PhaseManifest, card: EvaluationCard | None) -> Markup:
    """Return the few numbers that matter most."""
    fine = sum(one.status != "fail" for one in manifest.phases)
    shown = [(f"{fine} of {manifest.phase_count}", "phases do not fail")]
    if card is not None:
        shown += [
            (bps(one.mean), f"bps a step over {one.baseline}")
            for one in card.differences
            if one.baseline in ("champion", "no-op")
        ]
        shown += [
            (figure(card.tail.ratio_upper), f"tail beside the champion's, {card.tail.status}"),
            (count(card.decisions), "decisions judged"),
            (count(card.trials), "trials share the error"),
        ]
    return element(
        "div",
        *(
            element("div", element("b", number), element("span", text), class_="card")
            for number, text in shown
        ),
        class_="cards",
    )


def _compared(material: Material, card: EvaluationCard | None) -> Iterator[Markup]:
    """Yield everything that an evaluation came to."""
    if card is None:
        text = "No evaluation card is there as cited, so there is nothing to compare."
        yield element("p", text, class_="note")
        return
    yield element("h2", "Against what it could be left for")
    yield comparing.differences(card)
    yield element("h2", "By regime")
    yield comparing.regimes(card)
    yield element("h2", "Windows")
    yield comparing.windows(card.windows)
    yield element("h2", "Tail")
    yield comparing.tails(card.tail)
    yield element("h2", "Where it disagreed with the champion")
    yield disagreements(material.only(Disagreements))


def _evidence(material: Material) -> Markup:
    """Return everything that is cited, as it was found when the page was written."""
    rows: list[list[tuple[str, Content]]] = []
    for path, found in sorted(material.evidence.items()):
        fault = found.fault
        rows.append(
            [
                ("", _link(path, material.folder)),
                ("text", found.reference.schema_),
                ("code", element("code", found.reference.sha256[:_SHORT])),
                ("pass" if fault is None else "fail", "as cited" if fault is None else str(fault)),
            ]
        )
    headings = (("file", ""), ("schema", "text"), ("sha256 begins", "text"), ("found", "text"))
    return rows_table("Cited by the manifest", headings, rows)


def _link(path: str, folder: str) -> Content:
    """Return a link from the run's folder to a path below the root; plain text if it leads out."""
    if not stays_below(path):
        return path
    own = f"{folder}/"
    up = "../" * own.count("/")
    href = path.removeprefix(own) if path.startswith(own) else up + path
    return element("a", path, href=quote(href))


def _next(manifest: PhaseManifest) -> Markup:
    """Return what to type to have everything here shown."""
    place = shlex.quote(run_manifest(manifest))
    commands: Sequence[str] = (
        f"torghut rollout verify {place} --recompute --key KEY",
        f"torghut rollout why {place}",
        f"torghut rollout history {shlex.quote(manifest.run_id)}",
        f"torghut rollout export {shlex.quote(manifest.run_id)} --out run.json",
    )
    return joined(
        (
            element(
                "p",
                "It shows what a manifest and its evidence say. Below the artifact root, with a "
                "public key that you trust:",
            ),
            element("pre", "\n".join(commands)),
        )
    )
