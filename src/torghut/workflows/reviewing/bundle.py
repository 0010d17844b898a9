"""An export opened by somebody who trusts nobody: nothing in it leads out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError
from typing_extensions import override

from torghut.artifacts.errors import (
    ArtifactUnreadableError,
    ArtifactUnwritableError,
    ReadFault,
)
from torghut.artifacts.paths import stays_below
from torghut.artifacts.ports import ArtifactStore
from torghut.eventlog.block import GENESIS
from torghut.eventlog.envelopes import Causes, Envelope, check_follows
from torghut.eventlog.errors import LogIntegrityError
from torghut.governance.rollouts.manifest import manifest_bytes, manifest_of
from torghut.governance.rollouts.rollout import ROLLOUT, read_rollout_event, rollout_stream
from torghut.governance.verification.checks import Breach, Check
from torghut.governance.verification.document import parse_document
from torghut.governance.verification.verifying import references_in
from torghut.kernel.canonical import JsonRefusedError, canonical_bytes, parse_json_object
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError
from torghut.kernel.texts import plain
from torghut.schemas.reviewing.export import EXPORT_BYTES_MAX, ExportedEvent, RunExport
from torghut.schemas.types import first_problem
from torghut.workflows.reviewing.errors import ExportRefusedError

EXPORT_TYPE: Final = "rollout.run-export.v1"
"""What an export says that it is."""

_SHOWN: Final = 3


def is_export(body: bytes) -> bool:
    """Say whether a file claims to be an export, whatever it is worth."""
    try:
        return parse_json_object(body).get("type") == EXPORT_TYPE
    except JsonRefusedError:
        # Whatever reads in two ways is no export, and no manifest either, but says what it meant.
        return f'"type":"{EXPORT_TYPE}"'.encode() in body


def parse_export(body: bytes) -> RunExport:
    """Return the export that ``body`` is, every byte of it accounted for.

    Raises:
        ExportRefusedError: It is none: too large, not JSON that reads in one way, not of its
            schema, not in its one form, with a path out of it, or with one twice.
    """
    if len(body) > EXPORT_BYTES_MAX:
        raise ExportRefusedError(found=f"more than {EXPORT_BYTES_MAX:,} bytes")
    try:
        export = RunExport.model_validate(parse_json_object(body))
        same = canonical_bytes(export.model_dump(mode="json")) == body
    except ValidationError as error:
        first = first_problem(error)
        raise ExportRefusedError(found=plain(f"{first.at('it')}: {first.found!r}")) from error
    except TorghutError as error:
        raise ExportRefusedError(found=plain(str(error))) from error
    if not same:
        raise ExportRefusedError(found="other bytes than its RFC 8785 form")
    paths = [one.path for one in export.files]
    outside = next((path for path in paths if not stays_below(path)), None)
    if outside is not None:
        raise ExportRefusedError(found=f"a path that leads out of it: {plain(outside)!r}")
    if paths != sorted(set(paths)):
        raise ExportRefusedError(found="files out of order, or one of them twice")
    return export


@dataclass(frozen=True, slots=True)
class ExportedArtifacts(ArtifactStore):
    """The files of an export, which nobody writes to."""

    export: RunExport

    @override
    def read(self, path: str, /) -> bytes:
        if not stays_below(path):
            raise ArtifactUnreadableError(path=path, fault=ReadFault.OUTSIDE)
        for one in self.export.files:
            if one.path == path:
                return one.text.encode()
        raise ArtifactUnreadableError(path=path, fault=ReadFault.MISSING)

    @override
    def names(self, folder: str, /) -> Sequence[str]:
        paths = [one.path.rpartition("/") for one in self.export.files]
        return sorted(name for place, _, name in paths if place == folder)

    @override
    def replace(self, path: str, body: bytes, /) -> None:
        raise ArtifactUnwritableError(path=path, reason="an export is never written to")

    @override
    def create(self, path: str, body: bytes, /) -> None:
        raise ArtifactUnwritableError(path=path, reason="an export is never written to")


def export_checks(export: RunExport) -> Sequence[Check]:
    """Return whether an export is whole, and its events lead to its manifest."""
    return [
        Check(
            name="export",
            breach=Breach.INTEGRITY,
            fault=plain(_whole_fault(export)),
            holds="it is about the run of its manifest, and holds what that cites and no more",
        ),
        *_event_checks(export),
    ]


def _whole_fault(export: RunExport) -> str:
    """Return how an export differs from what its manifest needs."""
    body = export.manifest.encode()
    document, _ = parse_document(body)
    if document is not None:
        own = (document.run_id, document.observation_summary.attempt)
        if own != (export.run_id, export.attempt):
            return f"expected {export.run_id}, attempt {export.attempt}, found {own[0]}, {own[1]}"
    cited = {one.path for one in references_in(body)}
    found = {one.path for one in export.files}
    more, fewer = sorted(found - cited), sorted(cited - found)
    if more:
        return f"expected nothing but what is cited, found {', '.join(more[:_SHOWN])}"
    return f"expected everything that is cited, not {', '.join(fewer[:_SHOWN])}" if fewer else ""


def _event_checks(export: RunExport) -> Sequence[Check]:
    """Return whether the events are chained, and lead to the manifest byte for byte."""
    broken = _chain_fault(export)
    chain = Check(
        name="events",
        breach=Breach.INTEGRITY,
        fault=plain(broken),
        holds=f"{len(export.events)}, each of them chained to the one before",
    )
    if broken:
        return [chain]
    leads = Check(
        name="log",
        breach=Breach.LOG,
        fault=plain(_manifest_fault(export)),
        holds=f"the events lead to this manifest: sha256 {sha256_hex(export.manifest.encode())}",
    )
    return [chain, leads]


def _chain_fault(export: RunExport) -> str:
    """Return where the chain of events breaks."""
    version, digest = 0, GENESIS
    for envelope in envelopes_of(export):
        try:
            check_follows(envelope, version=version, digest=digest)
        except LogIntegrityError as error:
            return str(error)
        version, digest = envelope.version, envelope.digest
    return "" if version else "expected events, found none"


def _manifest_fault(export: RunExport) -> str:
    """Return how the manifest differs from what the events lead to."""
    try:
        state = ROLLOUT.fold(read_rollout_event(one) for one in envelopes_of(export))
        again = manifest_bytes(manifest_of(state))
    except (TorghutError, ValidationError) as error:
        return f"expected the events of a run, found {' '.join(str(error).split())[:200]}"
    stated = export.manifest.encode()
    if again == stated:
        return ""
    return (
        f"expected sha256 {sha256_hex(again)}, to which the events lead, found {sha256_hex(stated)}"
    )


def envelopes_of(export: RunExport) -> Sequence[Envelope]:
    """Return the events of an export in their envelopes."""
    stream = rollout_stream(export.run_id, export.attempt)
    return [_envelope(stream, one) for one in export.events]


def _envelope(stream: str, event: ExportedEvent) -> Envelope:
    """Return one event in its envelope; its place in the whole log stays behind."""
    return Envelope(
        stream=stream,
        version=event.version,
        position=0,
        recorded_at_ns=event.recorded_at_ns,
        causes=Causes(correlation_id=event.correlation_id, causation_id=event.causation_id),
        digest=event.digest,
        type=event.type,
        body=event.body.encode(),
    )
