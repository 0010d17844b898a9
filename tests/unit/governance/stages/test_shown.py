"""A file shows a criterion by what its bytes say, or it shows nothing."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from tests.replay.golden_decisions import GOLDEN
from tests.support.governance.climbing import hours, window
from torghut.artifacts.errors import ReadFault
from torghut.governance.stages.shown import Offered, Shown, show
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.declarations.roadmap import ExitCriterion
from torghut.schemas.staging.test_report import TestReport
from torghut.schemas.types import Message

COMMIT: Final = "ab" * 20
TEST: Final = "tests/unit/test_one.py::test_it"
MESSAGES: Final = GOLDEN / "messages"
BASELINE: Final = (MESSAGES / "artifacts/baseline.v1/first.json").read_bytes()


def criterion(evidence: object) -> ExitCriterion:
    """Return a criterion with that evidence."""
    return ExitCriterion.model_validate(
        {"id": "one", "says": "something is shown", "evidence": evidence}
    )


BY_TEST: Final = criterion({"test": TEST})
BY_BASELINE: Final = criterion({"artifact": "baseline.v1"})


def report(**changes: Any) -> bytes:  # noqa: ANN401 - parts of a document
    """Return a report in which the test passed, but for ``changes``."""
    document = {
        "commit": COMMIT,
        "tree": "clean",
        "junit": "cd" * 32,
        "made_at_ns": "1",
        "passed": [TEST],
        "failed": [],
        "skipped": [],
        **changes,
    }
    return body_of(TestReport.model_validate_json(json.dumps(document)))


def body_of(message: Message) -> bytes:
    """Return the bytes of a message."""
    return canonical_bytes(message.model_dump(mode="json"))


def looked(asked: ExitCriterion, body: bytes | ReadFault, path: str = "stages/e.json") -> Shown:
    """Return what a file shows of a criterion."""
    return show(asked, Offered(path=path, body=body), commit=COMMIT)


def passes(shown: Shown) -> bool:
    """Say whether the review would pass it."""
    return shown.shown.passed and shown.shown.found == "verified"


def test_report_of_the_commit_in_force_shows_a_test_that_passed() -> None:
    found = looked(BY_TEST, report())

    assert passes(found)
    assert found.shown.evidence.sha256 == sha256_hex(report())


@pytest.mark.parametrize(
    "changes",
    [
        {"passed": []},
        {"passed": [], "failed": [TEST]},
        {"passed": [], "skipped": [TEST]},
        {"passed": [f"{TEST}_other"]},
        {"commit": "cd" * 20},
        {"tree": "modified"},
    ],
)
def test_any_other_report_shows_nothing(changes: dict[str, object]) -> None:
    assert not passes(looked(BY_TEST, report(**changes)))


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (ReadFault.MISSING, "missing"),
        (ReadFault.OUTSIDE, "outside-root"),
        (ReadFault.LINKED, "not-a-file"),
        (ReadFault.NOT_A_FILE, "not-a-file"),
        (ReadFault.TOO_LARGE, "unparsable"),
        (ReadFault.UNREADABLE, "missing"),
    ],
)
def test_file_that_cannot_be_read_says_why(fault: ReadFault, found: str) -> None:
    shown = looked(BY_TEST, fault)

    assert str(shown.shown.found) == found
    assert not passes(shown)


@pytest.mark.parametrize("fault", list(ReadFault))
def test_no_fault_is_forgotten(fault: ReadFault) -> None:
    assert not passes(looked(BY_BASELINE, fault))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"type":"stage.test-report.v1"}', b'{"type":"x.y.v1"}', b"\xff"]
)
def test_bytes_that_say_nothing_show_nothing(body: bytes) -> None:
    shown = looked(BY_TEST, body)

    assert shown.shown.found in {"empty", "unparsable"}
    assert not passes(shown)


def test_frozen_baseline_shows_itself_and_only_under_its_own_name() -> None:
    name = f"baselines/week-1@{sha256_hex(BASELINE)[:12]}.json"

    assert passes(looked(BY_BASELINE, BASELINE, name))
    assert not passes(looked(BY_BASELINE, BASELINE, "baselines/week-1.json"))
    assert not passes(looked(BY_BASELINE, BASELINE, name.replace("week-1", "week-2")))
    assert not passes(looked(BY_TEST, BASELINE, name))


def test_window_shows_itself_where_it_passes() -> None:
    asked = criterion({"artifact": "slo-window.v1"})

    assert passes(looked(asked, body_of(window("1h", hours(0)))))
    assert not passes(looked(asked, body_of(window("1h", hours(0), good=False))))
    assert not passes(looked(asked, body_of(window("1h", hours(0), closed=True))))


KNOWN: Final = {"baseline.v1", "slo-window.v1"}
OTHERS: Final = [
    path
    for path in sorted((MESSAGES / "artifacts").rglob("*.json"))
    if path.parent.name.endswith(".v1") and path.parent.name not in KNOWN
]


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_artifact_of_which_nobody_has_said_what_a_good_one_is_shows_nothing(path: Any) -> None:  # noqa: ANN401
    shown = looked(criterion({"artifact": path.parent.name}), path.read_bytes())

    assert not passes(shown)
    assert shown.shown.found == "verified"


def test_nothing_shows_what_is_not_built() -> None:
    assert not passes(looked(criterion("not-built"), report()))
