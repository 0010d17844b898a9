"""Exports as somebody might make them who wants to be believed: each is refused, with its code."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import pytest

from tests.support.lane.reviews import better, made, public_key
from tests.support.lane.rollouts import RUN_ID
from torghut.artifacts.signatures import parse_public_key
from torghut.governance.rollouts.manifest import content_hash
from torghut.kernel.canonical import JsonValue, canonical_bytes, parse_json_object
from torghut.kernel.errors import ExitCode
from torghut.schemas.reviewing.export import EXPORT_BYTES_MAX
from torghut.workflows.reviewing.answering import Answer, check_offered, offered_export
from torghut.workflows.reviewing.bundle import is_export
from torghut.workflows.reviewing.errors import ExportRefusedError

Json = dict[str, JsonValue]
SIGNED: Final = [parse_public_key(public_key())]


@cache
def sound() -> bytes:
    """Return the export of a made-up run."""
    return made().export()


def stated() -> Json:
    """Return it, to be changed."""
    return dict(parse_json_object(sound()))


def files_of(export: Json) -> list[Json]:
    """Return its files."""
    files = export["files"]
    assert isinstance(files, list)
    return files


def events_of(export: Json) -> list[Json]:
    """Return its events."""
    events = export["events"]
    assert isinstance(events, list)
    return events


def answer(export: Json) -> Answer:
    """Return what an export is worth to somebody who trusts the key."""
    offered = offered_export(canonical_bytes(export))
    return check_offered(offered, trusted=SIGNED, now_ns=2**62, recomputing=True)


def failed(found: Answer) -> set[str]:
    """Return the checks that failed."""
    return {check.name for check in found.verdict.checks if not check.passed}


def test_the_export_that_nobody_changed_is_a_pass() -> None:
    found = answer(stated())

    assert (failed(found), found.verdict.exit_code) == (set(), ExitCode.YES)


def _outside(export: Json) -> None:
    files_of(export)[0]["path"] = "../../etc/passwd"


def _absolute(export: Json) -> None:
    files_of(export)[0]["path"] = "/etc/passwd"


def _backslash(export: Json) -> None:
    files_of(export)[0]["path"] = "..\\passwd"


def _twice(export: Json) -> None:
    files_of(export).append(files_of(export)[-1])


def _shuffled(export: Json) -> None:
    files_of(export).reverse()


def _more_keys(export: Json) -> None:
    export["link"] = "runs/other"


def _link(export: Json) -> None:
    files_of(export)[0] = {"path": files_of(export)[0]["path"], "link": "/etc/passwd"}


def _no_events(export: Json) -> None:
    del export["events"]


def _many(export: Json) -> None:
    export["files"] = [{"path": f"runs/{n:05}", "text": ""} for n in range(1001)]


def _huge(export: Json) -> None:
    files_of(export)[0]["text"] = "x" * EXPORT_BYTES_MAX


@pytest.mark.parametrize(
    "change",
    [
        _outside,
        _absolute,
        _backslash,
        _twice,
        _shuffled,
        _more_keys,
        _link,
        _no_events,
        _many,
        _huge,
    ],
)
def test_what_is_no_export_is_refused(change: Callable[[Json], None]) -> None:
    export = stated()
    change(export)

    assert is_export(canonical_bytes(export))
    with pytest.raises(ExportRefusedError):
        offered_export(canonical_bytes(export))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body + b"\n",
        lambda body: b" " + body,
        lambda body: body[:-20],
        lambda body: body.replace(b'{"attempt":1', b'{"attempt":1,"attempt":1'),
        lambda body: body.replace(b'{"attempt":1', b'{"attempt":1.0'),
    ],
    ids=["after", "before", "cut", "key twice", "another number"],
)
def test_other_bytes_than_its_one_form_are_refused(spoil: Callable[[bytes], bytes]) -> None:
    body = spoil(sound())

    with pytest.raises(ExportRefusedError):
        offered_export(body)


def _altered(export: Json) -> None:
    text = str(files_of(export)[0]["text"])
    files_of(export)[0]["text"] = text.replace('"value":5', '"value":6')


def _missing(export: Json) -> None:
    del files_of(export)[0]


def _extra(export: Json) -> None:
    files_of(export).append({"path": "zzz/smuggled.json", "text": "{}"})


def _another_run(export: Json) -> None:
    export["run_id"] = "run-2"


def _event_altered(export: Json) -> None:
    event = events_of(export)[1]
    event["body"] = str(event["body"]).replace('"value":5', '"value":7')


def _event_missing(export: Json) -> None:
    del events_of(export)[3]


def _unsigned(export: Json) -> None:
    export["signature"] = None


def _empty_signature(export: Json) -> None:
    export["signature"] = ""


@pytest.mark.parametrize(
    ("change", "fails", "status"),
    [
        (_altered, "evidence", ExitCode.INTEGRITY),
        (_missing, "evidence", ExitCode.INTEGRITY),
        (_extra, "export", ExitCode.INTEGRITY),
        (_another_run, "export", ExitCode.INTEGRITY),
        (_event_altered, "events", ExitCode.INTEGRITY),
        (_event_missing, "events", ExitCode.INTEGRITY),
        (_unsigned, "", ExitCode.NOT_FINAL),
        (_empty_signature, "", ExitCode.INTEGRITY),
    ],
)
def test_what_was_changed_shows(
    change: Callable[[Json], None], fails: str, status: ExitCode
) -> None:
    export = stated()
    change(export)

    found = answer(export)

    assert found.verdict.exit_code is status
    assert not fails or fails in failed(found)


def test_events_that_lead_to_another_manifest_disagree_with_it() -> None:
    export = stated()
    export["events"] = events_of(export)[:-1]

    found = answer(export)

    assert failed(found) == {"log"}
    assert found.verdict.exit_code is ExitCode.DISAGREES
    assert found.verdict.says.startswith("DISAGREES")


def test_a_manifest_that_was_made_to_fit_its_hash_disagrees_with_its_events() -> None:
    export = stated()
    manifest = dict(parse_json_object(str(export["manifest"]).encode()))
    manifest["updated_at"] = "2031-01-01T00:00:00Z"
    manifest["content_hash"] = content_hash(manifest)
    export["manifest"] = canonical_bytes(manifest).decode()

    found = answer(export)

    assert "log" in failed(found)
    assert found.verdict.exit_code is not ExitCode.YES


def test_an_export_without_anything_that_is_a_manifest_breaks_the_contract() -> None:
    found = answer({**stated(), "manifest": "{}"})

    assert found.verdict.exit_code is ExitCode.CONTRACT


def test_every_byte_of_an_export_counts() -> None:
    body = sound()
    assert RUN_ID.encode() in body

    for place in range(0, len(body), 997):
        spoilt = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        try:
            offered = offered_export(spoilt)
        except ExportRefusedError:
            continue
        found = check_offered(offered, trusted=SIGNED, now_ns=2**62, recomputing=False)
        assert found.verdict.exit_code is not ExitCode.YES, place


def test_the_export_of_a_lanes_own_run_is_small() -> None:
    assert len(better().export()) < 200_000
