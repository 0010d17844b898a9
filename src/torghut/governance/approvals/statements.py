"""Statements that people sign: one message, canonical JSON, under exactly one declared key."""

from __future__ import annotations

from typing import TypeVar

from pydantic import ValidationError

from torghut.artifacts.errors import EnvelopeMalformedError
from torghut.artifacts.signatures import parse_envelope
from torghut.governance.approvals.errors import SignatureInvalidError
from torghut.governance.approvals.keyring import Holder, Keyring
from torghut.kernel.canonical import canonical_bytes
from torghut.schemas.types import Message, first_problem

M = TypeVar("M", bound=Message)


def statement_bytes(statement: Message) -> bytes:
    """Return what is signed of ``statement``."""
    return canonical_bytes(statement.model_dump(mode="json"))


def read_statement(
    envelope: bytes, keyring: Keyring, *, payload_type: str, model: type[M]
) -> tuple[M, Holder]:
    """Return what was signed, and who signed it.

    Raises:
        SignatureInvalidError: It is no such statement, or not signed by the key that it names.
        KeyUndeclaredError: Nobody is known by that key.
    """
    try:
        signed = parse_envelope(envelope)
    except EnvelopeMalformedError as error:
        raise SignatureInvalidError(expected="a DSSE envelope", found=error.found) from error
    if signed.type != payload_type:
        raise SignatureInvalidError(expected=payload_type, found=signed.type)
    holder = keyring.signer(signed)
    try:
        statement = model.model_validate_json(signed.payload, strict=True)
    except ValidationError as error:
        found = first_problem(error).at("the statement")
        raise SignatureInvalidError(expected="a statement", found=found) from error
    if statement_bytes(statement) != signed.payload:
        raise SignatureInvalidError(expected="canonical JSON", found="other bytes")
    return statement, holder
