"""Who answers for a manifest: apart from whether it holds together, which anybody can arrange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.artifacts.errors import EnvelopeMalformedError
from torghut.artifacts.signatures import (
    TrustedKey,
    parse_envelope,
    sign_payload,
    signer_of,
)
from torghut.governance.rollouts.errors import ManifestNotFinalError
from torghut.governance.rollouts.manifest import content_hash
from torghut.kernel.canonical import JsonObject, canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.texts import plain
from torghut.schemas.rollout.manifest import SCHEMA_VERSION, PhaseManifest

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PREDICATE: Final = f"urn:torghut:schemas:artifacts/{SCHEMA_VERSION}"
_SUBJECT: Final = "phase-manifest.json"


class OriginKind(StrEnum):
    """What is known of who answers for a manifest."""

    SIGNED = "signed"
    UNSIGNED = "unsigned"
    UNANCHORED = "unanchored"
    FORGED = "forged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Who answers for a manifest.

    Attributes:
        kind: Signed by a trusted key; not signed; signed by keys that the reader does not know;
            or accompanied by an envelope that is not of this manifest.
        fingerprint: Of the key that signed, or that is claimed to have.
        says: The same in words.
    """

    kind: OriginKind
    says: str
    fingerprint: str = ""


UNSIGNED: Final = Origin(
    kind=OriginKind.UNSIGNED, says="unsigned: anybody who can write files can have made it"
)


def sign_manifest(manifest: PhaseManifest, key: Ed25519PrivateKey) -> bytes:
    """Return the envelope that goes beside a final manifest: an in-toto statement about it.

    Raises:
        ManifestNotFinalError: It is not final, so there is nothing to answer for.
    """
    if not manifest.observation_summary.finalised:
        raise ManifestNotFinalError(run_id=manifest.run_id)
    return sign_payload(_statement(manifest.model_dump(mode="json")), PAYLOAD_TYPE, key)


def _statement(stated: JsonObject) -> bytes:
    """Return the statement about a manifest: the digests of its file and of its content."""
    return canonical_bytes(
        {
            "_type": _STATEMENT,
            "predicate": {"content_hash": content_hash(stated)},
            "predicateType": _PREDICATE,
            "subject": [{"digest": {"sha256": _file_digest(stated)}, "name": _SUBJECT}],
        }
    )


def _file_digest(stated: JsonObject) -> str:
    """Return the digest of a manifest's file as Torghut writes it."""
    return sha256_hex(canonical_bytes(stated))


def origin_of(envelope: bytes | None, stated: JsonObject, trusted: Sequence[TrustedKey]) -> Origin:
    """Return who answers for the manifest that is ``stated``.

    Args:
        envelope: Bytes beside the manifest; None where there are none.
        stated: The manifest as it is.
        trusted: The keys that the reader trusts.
    """
    if envelope is None:
        return UNSIGNED
    try:
        signed = parse_envelope(envelope)
    except EnvelopeMalformedError as error:
        return Origin(kind=OriginKind.FORGED, says=plain(str(error)))
    if (signed.type, signed.payload) != (PAYLOAD_TYPE, _statement(stated)):
        says = f"the envelope beside it is not about {_file_digest(stated)}, which this file is"
        return Origin(kind=OriginKind.FORGED, says=says)
    signer = signer_of(signed, trusted)
    if signer is not None:
        return Origin(kind=OriginKind.SIGNED, says=f"signed by {signer}", fingerprint=signer)
    claimed = signed.signatures[0][0]
    if any(key.fingerprint == one for key in trusted for one, _ in signed.signatures):
        says = "the signature is not of the key that it names"
        return Origin(kind=OriginKind.FORGED, says=says, fingerprint=claimed)
    says = f"unanchored: signed in the name of {claimed}, which no --key given here is"
    return Origin(kind=OriginKind.UNANCHORED, says=says, fingerprint=claimed)
