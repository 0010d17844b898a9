"""Signatures: the library's own, over what DSSE says, by keys named as openssl names them."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from torghut.artifacts.errors import EnvelopeMalformedError, KeyUnusableError
from torghut.artifacts.signatures import (
    SignedPayload,
    TrustedKey,
    fingerprint,
    parse_envelope,
    parse_private_key,
    parse_public_key,
    public_key_of,
    raw_bytes,
    sign_payload,
    signed_bytes,
    signer_of,
)
from torghut.kernel.digests import sha256_hex

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
BODY = sign_payload(b"hello world", "text/plain", KEY)


def trusted(key: Ed25519PrivateKey) -> TrustedKey:
    """Return the key that a reader would trust."""
    return TrustedKey(fingerprint=fingerprint(key.public_key()), key=key.public_key())


def test_what_was_signed_is_found_signed() -> None:
    signed = parse_envelope(BODY)

    assert (signed.type, signed.payload) == ("text/plain", b"hello world")
    assert signer_of(signed, [trusted(OTHER), trusted(KEY)]) == fingerprint(KEY.public_key())


def test_signing_again_gives_the_same_bytes() -> None:
    assert sign_payload(b"hello world", "text/plain", KEY) == BODY


def test_key_that_is_not_trusted_signs_nothing() -> None:
    assert signer_of(parse_envelope(BODY), [trusted(OTHER)]) is None
    assert signer_of(parse_envelope(BODY), []) is None


@pytest.mark.parametrize("field", ["payload", "type"])
def test_change_to_what_was_signed_is_seen(field: str) -> None:
    signed = parse_envelope(BODY)
    payload = b"hello moon" if field == "payload" else signed.payload
    type_ = "text/html" if field == "type" else signed.type
    changed = SignedPayload(type=type_, payload=payload, signatures=signed.signatures)

    assert signer_of(changed, [trusted(KEY)]) is None


def test_name_of_a_key_is_not_enough() -> None:
    stated = json.loads(sign_payload(b"hello world", "text/plain", OTHER))
    stated["signatures"][0]["keyid"] = fingerprint(KEY.public_key())

    assert signer_of(parse_envelope(json.dumps(stated).encode()), [trusted(KEY)]) is None


def test_one_trusted_signature_among_several_is_enough() -> None:
    stated = json.loads(sign_payload(b"hello world", "text/plain", OTHER))
    stated["signatures"] += json.loads(BODY)["signatures"]

    signed = parse_envelope(json.dumps(stated).encode())

    assert signer_of(signed, [trusted(KEY)]) == fingerprint(KEY.public_key())


def test_signed_are_the_bytes_that_dsse_says() -> None:
    signature = base64.b64decode(json.loads(BODY)["signatures"][0]["sig"])

    KEY.public_key().verify(signature, b"DSSEv1 10 text/plain 11 hello world")
    assert signed_bytes("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


def test_keys_are_read_and_named() -> None:
    der = KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    assert parse_public_key(PUBLIC_PEM).fingerprint == sha256_hex(der)
    assert parse_private_key(PEM).private_bytes_raw() == bytes(range(32))


CURVE = generate_private_key(SECP256R1())


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        b"no key",
        PEM,
        CURVE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
    ids=["empty", "text", "private", "curve"],
)
def test_what_is_no_public_key_is_refused(pem: bytes) -> None:
    with pytest.raises(KeyUnusableError):
        parse_public_key(pem)


@pytest.mark.parametrize(
    "pem",
    [
        b"",
        PUBLIC_PEM,
        KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")),
        CURVE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ],
    ids=["empty", "public", "protected", "curve"],
)
def test_what_is_no_private_key_is_refused(pem: bytes) -> None:
    with pytest.raises(KeyUnusableError) as caught:
        parse_private_key(pem)

    assert "BEGIN" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"payload":"","payload":"","payloadType":"","signatures":[]}',
        b'{"payload":"","payloadType":"x","signatures":[]}',
        b'{"payload":"!","payloadType":"x","signatures":[{"keyid":"%b","sig":""}]}' % (b"0" * 64),
        b'{"payload":"","payloadType":"x","signatures":[{"keyid":"k","sig":""}]}',
        BODY[:-1],
    ],
    ids=range(7),
)
def test_what_is_no_envelope_is_refused(body: bytes) -> None:
    with pytest.raises(EnvelopeMalformedError):
        parse_envelope(body)


def test_key_comes_back_from_its_bytes() -> None:
    raw = raw_bytes(KEY.public_key())

    assert len(raw) == 32
    assert public_key_of(raw).fingerprint == fingerprint(KEY.public_key())
    assert signer_of(parse_envelope(BODY), [public_key_of(raw)]) is not None


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_bytes_of_another_length_are_no_key(size: int) -> None:
    with pytest.raises(KeyUnusableError):
        public_key_of(b"k" * size)


IDENTITY = b"\x01" + bytes(31)


def test_key_under_which_anybody_can_sign_is_refused() -> None:
    """The library accepts a signature made without any private key, under the point of order 1."""
    everybody = Ed25519PublicKey.from_public_bytes(IDENTITY)
    everybody.verify(IDENTITY + bytes(32), b"whatever there is to say")

    for raw in (IDENTITY, bytes(32), bytes(31) + b"\x80", b"\xec" + b"\xff" * 30 + b"\x7f"):
        with pytest.raises(KeyUnusableError):
            public_key_of(raw)


@pytest.mark.parametrize("text", ["é", "####", "AAA", "AA\n=="])
@pytest.mark.parametrize("field", ["payload", "sig"])
def test_text_that_is_no_base64_is_no_envelope(field: str, text: str) -> None:
    envelope = json.loads(BODY)
    if field == "sig":
        envelope["signatures"][0]["sig"] = text
    else:
        envelope["payload"] = text

    with pytest.raises(EnvelopeMalformedError):
        parse_envelope(json.dumps(envelope, ensure_ascii=False).encode())
