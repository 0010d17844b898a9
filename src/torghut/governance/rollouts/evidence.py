"""Evidence as it was found: the bytes cited, of the schema cited, about the right run, or why not.

What cannot be checked is at fault; there is no third answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from pydantic import TypeAdapter

from torghut.artifacts.errors import ReadFault
from torghut.kernel.canonical import JsonRefusedError
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError
from torghut.schemas.governing.fields import Found
from torghut.schemas.publish import MODELS, stated_type
from torghut.schemas.rollout.evidence import GateEvidence, RollbackIncident
from torghut.schemas.rollout.gates import EvidenceReference, GateRow
from torghut.schemas.types import Message
from torghut.schemas.upcasting import MessageContentError, MessageTypeError, read_message

INCIDENT_SCHEMA: Final = stated_type(RollbackIncident)
"""What a rollback is shown by."""

Content = bytes | ReadFault
"""A file's bytes, or why there are none."""


class EvidenceFault(StrEnum):
    """What is wrong with a file that was read."""

    EMPTY = "empty"
    WRONG_DIGEST = "wrong-digest"
    UNPARSABLE = "unparsable"
    UNKNOWN_SCHEMA = "unknown-schema"
    WRONG_SCHEMA = "wrong-schema"
    STALE = "stale"
    CONTRADICTS = "contradicts"


_FOUND: Final[TypeAdapter[Found]] = TypeAdapter(Found)
_UNREAD: Final[Mapping[type[TorghutError], EvidenceFault]] = MappingProxyType(
    {
        JsonRefusedError: EvidenceFault.UNPARSABLE,
        MessageTypeError: EvidenceFault.UNKNOWN_SCHEMA,
        MessageContentError: EvidenceFault.WRONG_SCHEMA,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What evidence must be about.

    Attributes:
        run_id: Of the run.
        candidate_id: Of the candidate.
    """

    run_id: str
    candidate_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A reference, and what was found where it leads.

    Attributes:
        reference: As cited.
        fault: None only where the file is there, is what is cited and says what it should.
        message: What the file says, where it can be read.
    """

    reference: EvidenceReference
    fault: ReadFault | EvidenceFault | None
    message: Message | None = None

    @property
    def found(self) -> Found:
        """What became of it, in the word that events keep."""
        return "verified" if self.fault is None else _FOUND.validate_python(str(self.fault))


def examine(reference: EvidenceReference, found: Content, subject: Subject) -> Examined:
    """Return what is to be thought of the file that ``reference`` cites."""
    if isinstance(found, ReadFault):
        return Examined(reference=reference, fault=found)
    if fault := _bytes_fault(reference, found):
        return Examined(reference=reference, fault=fault)
    try:
        message = read_message(found, MODELS)
    except (JsonRefusedError, MessageTypeError, MessageContentError) as error:
        return Examined(reference=reference, fault=_UNREAD[type(error)])
    fault = _content_fault(message, reference, subject)
    return Examined(reference=reference, fault=fault, message=message)


def _bytes_fault(reference: EvidenceReference, found: bytes) -> EvidenceFault | None:
    """Return why bytes are not those that are cited."""
    if not found:
        return EvidenceFault.EMPTY
    return None if sha256_hex(found) == reference.sha256 else EvidenceFault.WRONG_DIGEST


def _content_fault(
    message: Message, reference: EvidenceReference, subject: Subject
) -> EvidenceFault | None:
    """Return why a file that is as cited still shows nothing of this run."""
    if stated_type(type(message)) != reference.schema_:
        return EvidenceFault.WRONG_SCHEMA
    return EvidenceFault.STALE if _names_another(message, subject) else None


def _names_another(message: Message, subject: Subject) -> bool:
    """Say whether a file names another run or candidate; whatever kind of file it is, if it does.

    It is told by the names of the keys, so that no kind that is added is left out.
    """
    own = {"run_id": subject.run_id, "candidate_id": subject.candidate_id}
    named = message.model_dump(include=set(own))
    return any(named[key] != own[key] for key in named)


def contradicts(row: GateRow, message: Message | None) -> bool:
    """Say whether what was measured for a gate is of another one, or says something else."""
    if not isinstance(message, GateEvidence):
        return False
    measured = (message.gate, message.value, message.unit, message.n)
    return measured != (row.id, row.value, row.unit, row.n)
