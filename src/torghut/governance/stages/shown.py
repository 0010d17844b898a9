"""What a file that is offered for an exit criterion shows, judged by its own bytes.

A report of tests shows a test that passed in every case, on the commit that is in force, in a tree
without changes of its own. An artifact shows something only if its type is one of which it is
known here what a good one is; of any other, being there shows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torghut.artifacts.errors import ReadFault
from torghut.kernel.canonical import JsonRefusedError
from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.roadmap import ExitCriterion, ShownByTest
from torghut.schemas.governing.fields import Evidence, Found
from torghut.schemas.governing.stages import CriterionShown
from torghut.schemas.publish import MODELS, stated_type
from torghut.schemas.staging.baseline import Baseline
from torghut.schemas.staging.slo_window import SloWindow
from torghut.schemas.staging.test_report import TestReport
from torghut.schemas.types import Message
from torghut.schemas.upcasting import MessageContentError, MessageTypeError, read_message

_FAULTS: Final[dict[ReadFault, Found]] = {
    ReadFault.MISSING: "missing",
    ReadFault.OUTSIDE: "outside-root",
    ReadFault.LINKED: "not-a-file",
    ReadFault.NOT_A_FILE: "not-a-file",
    ReadFault.TOO_LARGE: "unparsable",
    ReadFault.UNREADABLE: "missing",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A file that somebody offers.

    Attributes:
        path: Below the artifact root.
        body: Its bytes, or why there are none.
    """

    path: str
    body: bytes | ReadFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a file was found to show.

    Attributes:
        shown: For the review.
        says: Why, in words.
    """

    shown: CriterionShown
    says: str


def show(criterion: ExitCriterion, offered: Offered, *, commit: str) -> Shown:
    """Return what ``offered`` shows of ``criterion``.

    Args:
        criterion: Of the stage in force.
        offered: What is there.
        commit: Of the code that is in force.
    """
    if isinstance(offered.body, ReadFault):
        return _shown(offered, b"", _FAULTS[offered.body], passed=False, says=offered.body)
    if not offered.body:
        return _shown(offered, b"", "empty", passed=False, says="empty")
    try:
        message = read_message(offered.body, MODELS)
    except (JsonRefusedError, MessageTypeError, MessageContentError) as error:
        return _shown(offered, offered.body, "unparsable", passed=False, says=str(error))
    says = _objection(criterion, message, offered, commit)
    return _shown(
        offered, offered.body, "verified", passed=not says, says=says or "shows what is asked"
    )


def _objection(criterion: ExitCriterion, message: Message, offered: Offered, commit: str) -> str:
    """Return why a file that can be read does not show the criterion; empty where it does."""
    if criterion.evidence == "not-built":
        return "nothing can show what is not built"
    if isinstance(criterion.evidence, ShownByTest):
        return _test_objection(criterion.evidence.test, message, commit)
    found = stated_type(type(message))
    if not found.endswith(f".{criterion.evidence.artifact}"):
        return f"it is {found}, not {criterion.evidence.artifact}"
    return _artifact_objection(message, offered)


def _test_objection(test: str, message: Message, commit: str) -> str:
    """Return why a report of tests does not show that ``test`` passed."""
    if not isinstance(message, TestReport):
        return f"it is {stated_type(type(message))}, not a report of tests"
    if message.commit != commit:
        return f"it is of commit {message.commit[:12]}, in force is {commit[:12]}"
    if message.tree == "modified":
        return "it was made in a tree with changes that no commit has"
    if test in message.passed:
        return ""
    if test in message.failed:
        return f"{test} failed"
    return f"{test} was skipped" if test in message.skipped else f"{test} was not run"


def _artifact_objection(message: Message, offered: Offered) -> str:
    """Return why an artifact of the right type is not a good one of it."""
    match message:
        case Baseline():
            return _baseline_objection(message, offered)
        case SloWindow():
            return "" if message.status == "pass" else f"the window {message.status}s"
        case _:
            return "nobody has said what a good one of its type is"


def _baseline_objection(baseline: Baseline, offered: Offered) -> str:
    """Return why a baseline is none to compare with: nothing decided, or not frozen."""
    digest = sha256_hex(offered.body) if isinstance(offered.body, bytes) else ""
    if not offered.path.endswith(f"/{baseline.name}@{digest[:12]}.json"):
        return "it does not stand under its own name and digest, so it is not frozen"
    if not baseline.decided:
        return "nothing was decided in it"
    return ""


def _shown(offered: Offered, body: bytes, found: Found, *, passed: bool, says: str) -> Shown:
    """Return the finding with its evidence."""
    evidence = Evidence(path=offered.path, sha256=sha256_hex(body))
    return Shown(shown=CriterionShown(passed=passed, evidence=evidence, found=found), says=says)
