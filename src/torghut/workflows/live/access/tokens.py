"""Tokens as a file of lines spells them; only their digests are kept."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from types import MappingProxyType
from typing import Final, Protocol

from torghut.workflows.live.access.errors import RoleMissingError, TokensMalformedError

TOKEN_CHARACTERS_MIN: Final = 32

_TOKEN: Final = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_CHARACTERS_MIN},200}}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
_FIELDS: Final = 3


class Role(StrEnum):
    """What a token may be used for."""

    READ = "read"
    REPORT = "report"
    OPERATE = "operate"


INCLUDES: Final[Mapping[Role, frozenset[Role]]] = MappingProxyType(
    {
        Role.READ: frozenset({Role.READ}),
        Role.REPORT: frozenset({Role.READ, Role.REPORT}),
        Role.OPERATE: frozenset({Role.READ, Role.OPERATE}),
    }
)
"""What each role may do; who reports fills may not operate switches, nor the other way about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a request comes from.

    Attributes:
        name: Of the token, never the token.
        role: What it may be used for.
        digest: sha256 of the token.
    """

    name: str
    role: Role
    digest: bytes

    def may(self, role: Role) -> bool:
        """Say whether the caller has a role, or one that includes it."""
        return role in INCLUDES[self.role]

    def require(self, role: Role) -> None:
        """Go on only with a role.

        Raises:
            RoleMissingError: The caller does not have it.
        """
        if not self.may(role):
            raise RoleMissingError(role=role, name=self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The tokens that are good at one time."""

    callers: Sequence[Caller]

    def find(self, token: bytes) -> Caller | None:
        """Return whose token it is; how long that takes says nothing of the tokens."""
        digest = sha256(token).digest()
        found = None
        for caller in self.callers:
            if hmac.compare_digest(caller.digest, digest):
                found = caller
        return found

    def has(self, caller: Caller) -> bool:
        """Say whether a caller's token is still good, for the same role."""
        return caller in self.callers


class TokenSource(Protocol):
    """Knows which tokens are good."""

    def keyring(self) -> Keyring:
        """Return the tokens that are good now.

        Raises:
            TorghutError: Nobody can tell; then none is.
        """
        ...


def parse_tokens(text: str, place: str) -> Keyring:
    """Return the tokens that ``text`` spells, a line each: role, name, token; # begins a comment.

    Raises:
        TokensMalformedError: A line is something else, or a name or a token comes twice.

    Example:
        >>> ring = parse_tokens("operate desk mGk9ZkQ0c1V2bXh4Y3Z6QXJ0eXVpb3Bh # two people", "t")
        >>> [(caller.name, caller.role.value) for caller in ring.callers]
        [('desk', 'operate')]
    """
    callers: list[Caller] = []
    for number, line in _lines(text):
        caller = _caller(line.split(), f"{place}, line {number}")
        if any(one.name == caller.name for one in callers):
            raise TokensMalformedError(
                place=f"{place}, line {number}",
                expected="a name of its own",
                found=f"{caller.name} again",
            )
        if any(one.digest == caller.digest for one in callers):
            raise TokensMalformedError(
                place=f"{place}, line {number}",
                expected="a token of its own",
                found="that of another name",
            )
        callers.append(caller)
    return Keyring(callers=tuple(callers))


def secrets_in(text: str) -> Iterator[str]:
    """Yield everything that may be a token in ``text``, good or not, in a comment too.

    Example:
        >>> list(secrets_in("operate desk short-token # two people"))
        ['short-token']
    """
    yield from _TOKEN.findall(text)
    for _, line in _lines(text):
        yield from line.split()[_FIELDS - 1 :]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that say something, with their numbers."""
    for number, line in enumerate(text.splitlines(), start=1):
        said = line.partition("#")[0].strip()
        if said:
            yield number, said


def _caller(fields: Sequence[str], place: str) -> Caller:
    """Return what one line says; no error repeats what may be a token."""
    if len(fields) != _FIELDS:
        raise TokensMalformedError(
            place=place, expected="ROLE NAME TOKEN", found=f"{len(fields)} words"
        )
    role, name, token = fields
    if role not in set(Role):
        roles = ", ".join(Role)
        raise TokensMalformedError(place=place, expected=f"a role ({roles})", found="another word")
    if _NAME.fullmatch(name) is None:
        raise TokensMalformedError(
            place=place, expected="a name of 1 to 40 plain characters", found="another word"
        )
    if _TOKEN.fullmatch(token) is None:
        raise TokensMalformedError(
            place=place,
            expected=f"a token of {TOKEN_CHARACTERS_MIN} to 200 characters A-Z a-z 0-9 _ -",
            found=f"one of {len(token)} characters, or with others",
        )
    return Caller(name=name, role=Role(role), digest=sha256(token.encode()).digest())
