"""The record of a question, under its digest, and a caller that answers from one.

A request is not kept: the program renders it again from what was shown and what was answered
before, and its digest says whether it is the same. The endpoint's key is in no request and in no
record.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import ClassVar, Final, cast

from pydantic import ValidationError
from typing_extensions import override

from torghut.artifacts.errors import ArtifactUnreadableError
from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.reasoning.errors import AdviceFaultError
from torghut.schemas.reasoning.record import AdviceRecord, CallRecorded
from torghut.schemas.types import first_problem
from torghut.workflows.reasoning.ports import Call, Caller

_FOLDER: Final = "advice"


class AdviceRecordMissingError(TorghutError):
    """No record of that digest is kept here, so nothing can be replayed from it."""

    code: ClassVar[str] = "reasoning.record-missing"
    exit_code: ClassVar[ExitCode] = ExitCode.NOT_FINAL

    def __init__(self, *, digest: str, found: str) -> None:
        super().__init__(
            f"expected the record {digest} among the artifacts, found {found}; "
            "TORGHUT_ARTIFACT_DIR says where they are"
        )
        self.digest = digest


class AdviceRecordAlteredError(TorghutError):
    """What is kept under a digest is not what has it."""

    code: ClassVar[str] = "reasoning.record-altered"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, digest: str, found: str) -> None:
        super().__init__(f"expected the record {digest}, found {found}")
        self.digest = digest


class CallUnrecordedError(AdviceFaultError):
    """The program asks what it did not ask then: another program, or other words."""

    code: ClassVar[str] = "reasoning.call-unrecorded"

    def __init__(self, *, step: str, request: str) -> None:
        super().__init__(f"{step}: expected a request of the record, found {request}")
        self.step = step
        self.request = request


class NoReplyRecordedError(AdviceFaultError):
    """The recorded call had no reply; its fault is in the record."""

    code: ClassVar[str] = "reasoning.no-reply-recorded"

    def __init__(self, *, step: str, found: str) -> None:
        super().__init__(f"{step}: no reply came then ({found})")
        self.found = found


def recorded_calls(calls: Sequence[Call]) -> tuple[CallRecorded, ...]:
    """Return calls as they are kept."""
    return tuple(_call(one) for one in calls)


def record_bytes(record: AdviceRecord) -> bytes:
    """Return a record as it is kept."""
    return canonical_bytes(cast("JsonObject", record.model_dump(mode="json")))


def record_path(digest: str) -> str:
    """Return where the record of a digest is, below the artifacts."""
    return f"{_FOLDER}/{digest[:2]}/{digest}.json"


def keep_record(store: ArtifactStore, record: AdviceRecord) -> str:
    """Keep a record durably; return its digest.

    Raises:
        ArtifactUnwritableError: It cannot be kept.
    """
    body = record_bytes(record)
    digest = sha256_hex(body)
    store.create(record_path(digest), body)
    return digest


def load_record(store: ArtifactStore, digest: str) -> AdviceRecord:
    """Return the record of a digest, verified.

    Raises:
        AdviceRecordMissingError: It is not kept here.
        AdviceRecordAlteredError: Something else is, or it is no record.
    """
    try:
        body = store.read(record_path(digest))
    except ArtifactUnreadableError as error:
        raise AdviceRecordMissingError(digest=digest, found=str(error)) from error
    if (found := sha256_hex(body)) != digest:
        raise AdviceRecordAlteredError(digest=digest, found=found)
    try:
        return AdviceRecord.model_validate_json(body)
    except ValidationError as error:
        problem = first_problem(error).at("the record")
        raise AdviceRecordAlteredError(digest=digest, found=problem) from error


class RecordedCaller(Caller):
    """Answers each request as it was answered then, and knows no network.

    Args:
        calls: That were recorded.
    """

    def __init__(self, calls: Sequence[CallRecorded]) -> None:
        self._calls = {(str(one.step), one.request): one for one in calls}

    @override
    async def call(self, body: bytes, *, step: str, deadline_ns: int) -> bytes:
        """Return the reply that the record has for a request.

        Raises:
            CallUnrecordedError: It has no such request.
            NoReplyRecordedError: No reply came then.
        """
        request = sha256_hex(body)
        found = self._calls.get((step, request))
        if found is None:
            raise CallUnrecordedError(step=step, request=request)
        if found.reply is None:
            raise NoReplyRecordedError(step=step, found=found.code)
        reply = reply_body(found)
        if reply is None:
            raise CallUnrecordedError(step=step, request=request)
        return reply


def reply_body(one: CallRecorded) -> bytes | None:
    """Return a reply as it came; None where there was none, or it is not spelled as it says."""
    if one.reply is None or one.encoding == "utf-8":
        return None if one.reply is None else one.reply.encode()
    try:
        return base64.b64decode(one.reply, validate=True)
    except binascii.Error:
        return None


def _call(one: Call) -> CallRecorded:
    """Return a call as it is kept; a reply that is no text is kept in base64."""
    reply, encoding = one.reply, "utf-8"
    text: str | None = None
    if reply is not None:
        try:
            text = reply.decode()
            text.encode()
        except UnicodeDecodeError:
            text, encoding = base64.b64encode(reply).decode(), "base64"
    return CallRecorded.model_validate(
        {
            "step": one.step,
            "request": one.request,
            "reply": text,
            "encoding": encoding,
            "tokens": one.tokens,
            "elapsed_ns": one.elapsed_ns,
            "code": one.code,
        }
    )
