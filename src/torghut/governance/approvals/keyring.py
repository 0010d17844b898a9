"""Who is known by which key, and in which role: out of the declared owners, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from torghut.artifacts.signatures import SignedPayload, TrustedKey, public_key_of, signer_of
from torghut.governance.approvals.errors import KeyUndeclaredError, SignatureInvalidError
from torghut.schemas.declarations.fields import Role
from torghut.schemas.declarations.governance import KeyRole, Owners
from torghut.schemas.governing.fields import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Somebody who holds a declared key.

    Attributes:
        role: The one that the key acts in.
    """

    role: KeyRole
    key: TrustedKey

    @property
    def person(self) -> Person:
        """Return them as they stand on record: by role and key, without a name."""
        return Person(name=self.role, key=self.key.fingerprint)

    @property
    def roles(self) -> frozenset[Role]:
        """Return the roles in which they may answer; a scheduler answers nothing."""
        return frozenset() if self.role == "scheduler" else frozenset({self.role})


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The declared keys, by fingerprint; each is another person's."""

    holders: Mapping[str, Holder]

    @property
    def schedulers(self) -> Sequence[TrustedKey]:
        """The keys whose signature makes a manifest acknowledged."""
        return [one.key for one in self.holders.values() if one.role == "scheduler"]

    def signer(self, signed: SignedPayload) -> Holder:
        """Return who signed.

        Raises:
            SignatureInvalidError: Not exactly one key did, or not the one that is named.
            KeyUndeclaredError: A key did that nobody is known by.
        """
        if len(signed.signatures) != 1:
            raise SignatureInvalidError(
                expected="one signature", found=f"{len(signed.signatures)} of them"
            )
        ((claimed, _),) = signed.signatures
        holder = self.holder(claimed)
        if signer_of(signed, [holder.key]) is None:
            raise SignatureInvalidError(expected=f"a signature by {claimed}", found="another one")
        return holder

    def holder(self, fingerprint: str) -> Holder:
        """Return who is known by a key.

        Raises:
            KeyUndeclaredError: Nobody is.
        """
        found = self.holders.get(fingerprint)
        if found is None:
            raise KeyUndeclaredError(
                expected="a key declared in governance/owners.yaml", found=fingerprint
            )
        return found


def keyring_of(owners: Owners) -> Keyring:
    """Return the keys that ``owners`` declares.

    Raises:
        KeyUnusableError: One of them is no key.
    """
    holders = {
        one.fingerprint: Holder(role=one.role, key=public_key_of(one.raw)) for one in owners.keys
    }
    return Keyring(holders=MappingProxyType(holders))
