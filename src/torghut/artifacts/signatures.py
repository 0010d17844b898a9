"""Signatures: Ed25519 over a DSSE envelope, with keys named by their fingerprints.

The library signs and verifies; this module only spells what is signed as DSSE says, and names keys.
A fingerprint is the sha256 of a public key's SubjectPublicKeyInfo in DER, as
``openssl pkey -pubin -outform der | sha256sum`` prints it.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from pydantic import Field, ValidationError

from torghut.artifacts.errors import EnvelopeMalformedError, KeyUnusableError
from torghut.kernel.canonical import canonical_bytes, parse_json_object
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError
from torghut.schemas.types import Message, Sha256, first_problem

_RAW: Final = "the 32 bytes of an Ed25519 public key"
_SMALL_ORDER: Final = frozenset(
    bytes.fromhex(text)
    for text in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)
"""Points of small order but for their sign, each as bytes: under such a "key" one signature fits
many messages, and no private key is needed (libsodium refuses the same list)."""

_Base64 = Annotated[str, Field(max_length=1 << 20)]


class _Signature(Message):
    """One signature of an envelope."""

    keyid: Sha256
    sig: _Base64


class _Envelope(Message):
    """A DSSE envelope as it stands in a file."""

    payload: _Base64
    payload_type: str = Field(alias="payloadType", max_length=200)
    signatures: Annotated[tuple[_Signature, ...], Field(min_length=1, max_length=16)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedPayload:
    """What an envelope holds; nothing of it is true before a key says so.

    Attributes:
        type: Of the payload.
        payload: Its bytes.
        signatures: Claimed fingerprint and signature, of each signer.
    """

    type: str
    payload: bytes
    signatures: Sequence[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A public key that the reader trusts.

    Attributes:
        fingerprint: 64 hexadecimal digits.
        key: As the library knows it.
    """

    fingerprint: str
    key: Ed25519PublicKey


def parse_public_key(pem: bytes) -> TrustedKey:
    """Return the public key in ``pem``.

    Raises:
        KeyUnusableError: It holds no Ed25519 public key.
    """
    expected = "an Ed25519 public key in PEM"
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusableError(expected=expected, found="no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusableError(expected=expected, found="a key of another kind")
    return TrustedKey(fingerprint=fingerprint(key), key=key)


def public_key_of(raw: bytes) -> TrustedKey:
    """Return the public key whose 32 bytes are ``raw``.

    Raises:
        KeyUnusableError: There is no such key, or anybody can sign in its name.
    """
    try:
        key = Ed25519PublicKey.from_public_bytes(raw)
    except ValueError as error:
        raise KeyUnusableError(expected=_RAW, found=f"{len(raw)} bytes") from error
    if bytes([*raw[:-1], raw[-1] & 0x7F]) in _SMALL_ORDER:
        raise KeyUnusableError(expected=_RAW, found="a point of small order")
    return TrustedKey(fingerprint=fingerprint(key), key=key)


def raw_bytes(key: Ed25519PublicKey) -> bytes:
    """Return the 32 bytes of a public key."""
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def parse_private_key(pem: bytes) -> Ed25519PrivateKey:
    """Return the private key in ``pem``, which no password protects.

    Raises:
        KeyUnusableError: It holds no such key.
    """
    expected = "an Ed25519 private key in PEM, without a password"
    try:
        key = load_pem_private_key(pem, password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusableError(expected=expected, found="no such private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusableError(expected=expected, found="a key of another kind")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return the name of a public key, 64 hexadecimal digits."""
    return sha256_hex(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def sign_payload(payload: bytes, type_: str, key: Ed25519PrivateKey) -> bytes:
    """Return the envelope of ``payload``; the same key and payload give the same bytes."""
    signature = {
        "keyid": fingerprint(key.public_key()),
        "sig": _encoded(key.sign(signed_bytes(type_, payload))),
    }
    return canonical_bytes(
        {"payload": _encoded(payload), "payloadType": type_, "signatures": [signature]}
    )


def parse_envelope(body: bytes) -> SignedPayload:
    """Return what the envelope in ``body`` holds.

    Raises:
        EnvelopeMalformedError: It is none.
    """
    try:
        parse_json_object(body)
        envelope = _Envelope.model_validate_json(body, strict=True)
        return SignedPayload(
            type=envelope.payload_type,
            payload=_decoded(envelope.payload),
            signatures=[(one.keyid, _decoded(one.sig)) for one in envelope.signatures],
        )
    except ValidationError as error:
        raise EnvelopeMalformedError(found=first_problem(error).at("the file")) from error
    except TorghutError as error:
        raise EnvelopeMalformedError(found=str(error)) from error
    except ValueError as error:  # also of text that is not even ASCII
        raise EnvelopeMalformedError(found="text that is not base64") from error


def signer_of(signed: SignedPayload, trusted: Sequence[TrustedKey]) -> str | None:
    """Return the fingerprint of the trusted key that signed; None where none did."""
    for key in trusted:
        for claimed, signature in signed.signatures:
            if claimed == key.fingerprint and _verifies(key, signature, signed):
                return key.fingerprint
    return None


def _verifies(key: TrustedKey, signature: bytes, signed: SignedPayload) -> bool:
    """Say whether ``signature`` is of this key over this payload."""
    try:
        key.key.verify(signature, signed_bytes(signed.type, signed.payload))
    except InvalidSignature:
        return False
    return True


def signed_bytes(type_: str, payload: bytes) -> bytes:
    """Return what is signed: the pre-authentication encoding of DSSE.

    Example:
        >>> signed_bytes("http://example.com/HelloWorld", b"hello world")
        b'DSSEv1 29 http://example.com/HelloWorld 11 hello world'
    """
    name = type_.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decoded(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
