"""What a manifest or an export is worth, for somebody who has nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from torghut.artifacts.ports import ArtifactStore
from torghut.artifacts.signatures import TrustedKey
from torghut.governance.verification.checks import Check, Verdict
from torghut.governance.verification.verifying import CHECKS, NOT_CHECKED
from torghut.schemas.reviewing.export import RunExport
from torghut.workflows.reviewing.again.values import Derived, Value
from torghut.workflows.reviewing.bundle import ExportedArtifacts, export_checks, parse_export
from torghut.workflows.reviewing.material import gather
from torghut.workflows.reviewing.recomputing import recompute, value_checks
from torghut.workflows.rollout.checking import check_manifest

EXPORT_CHECKS: Final = ("export", "events", "log")
"""What is checked of an export besides its manifest."""

_RECOMPUTED: Final = (
    "that the figures by blocks are what deciding again gives: that takes the log and its packages"
)
_OWN_EVENTS: Final = (
    "that governance's log holds these events, and none after them: only that they are chained"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What somebody offers to verify.

    Attributes:
        body: Of the manifest.
        store: What its evidence is read from.
        envelope: Its signature; None where there is none.
        place: Where its evidence is, in words.
        export: That it came in, if it did.
    """

    body: bytes
    store: ArtifactStore
    envelope: bytes | None
    place: str
    export: RunExport | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of verifying.

    Attributes:
        verdict: With every check.
        values: Derived again; none unless that was asked.
        not_checked: In words: what could not be this time, then what never is.
    """

    verdict: Verdict
    values: Sequence[Value]
    not_checked: Sequence[str]


def offered_export(body: bytes) -> Offered:
    """Return what an export offers.

    Raises:
        ExportRefusedError: It is none.
    """
    export = parse_export(body)
    return Offered(
        body=export.manifest.encode(),
        store=ExportedArtifacts(export),
        envelope=None if export.signature is None else export.signature.encode(),
        place="inside the export",
        export=export,
    )


def check_offered(
    offered: Offered, *, trusted: Sequence[TrustedKey], now_ns: int, recomputing: bool
) -> Answer:
    """Return what is to be thought of what is offered.

    Args:
        offered: By anybody.
        trusted: The keys that the reader trusts.
        now_ns: Wall time of the reader.
        recomputing: Whether values are derived again.
    """
    verdict = check_manifest(
        offered.body, offered.store, envelope=offered.envelope, trusted=trusted, now_ns=now_ns
    )
    derived = Derived()
    if recomputing and verdict.document is not None:
        derived = recompute(gather(verdict.document, offered.store))
    own = [] if offered.export is None else export_checks(offered.export)
    checks: Sequence[Check] = [*own, *verdict.checks, *value_checks(derived)]
    return Answer(
        verdict=replace(verdict, checks=checks),
        values=derived.values,
        not_checked=[*_skipped(verdict), *derived.left, *_never(offered, recomputing=recomputing)],
    )


def _skipped(verdict: Verdict) -> Iterator[str]:
    """Yield what could not be checked this time."""
    made = {check.name for check in verdict.checks}
    cited = bool(verdict.document is None or verdict.document.artifact_refs)
    skipped = [name for name in CHECKS if name not in made and (name != "evidence" or cited)]
    if skipped:
        yield f"{', '.join(skipped)}: the document has to be read first"


def _never(offered: Offered, *, recomputing: bool) -> Sequence[str]:
    """Return what no check of this kind can show."""
    true, log, newest = NOT_CHECKED
    return [
        _RECOMPUTED if recomputing else true,
        log if offered.export is None else _OWN_EVENTS,
        newest,
    ]
