"""Text forms of what identifies a context and a decision, and the words that rows hold of them.

A context is named by where it came from, never by when or by whom it was read: the first 16 bytes
of its source's digest, its symbol, its stream and the source's own sequence. A decision is named
by its context and by the role that decided it, so at most one serving decision exists per context.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass
from typing import ClassVar, Final

from torghut.kernel.errors import ExitCode, TorghutError

SERVING: Final = "serving"
"""The role whose decision is handed to the trading loop."""

SOURCE_KEY_BYTES: Final = 16
SOURCE_KEY_DIGITS: Final = 2 * SOURCE_KEY_BYTES
"""Of a source's sha256, in the id of each of its contexts."""

SYMBOL_PATTERN: Final = r"[a-z0-9][a-z0-9-]{0,31}:[A-Z0-9][A-Z0-9._-]{0,31}"
"""What a symbol looks like, venue and name; for regular expressions that go on before and after."""

_WORDS: Final = struct.Struct("<QQ")
_SHOWN: Final = 120
_SEQUENCE_MAX: Final = 2**64 - 1
_CONTEXT: Final = re.compile(
    rf"(?P<source>[0-9a-f]{{32}}):(?P<symbol>{SYMBOL_PATTERN}):(?P<stream>[a-z]{{1,16}})"
    r":(?P<sequence>0|[1-9][0-9]{0,19})",
    re.ASCII,
)
_ROLE: Final = re.compile(r"[a-z][a-z-]{0,31}", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NO_PACKAGE: Final = "none"
_RUN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class IdentifierMalformedError(TorghutError):
    """A text is not the identifier it was taken for."""

    code: ClassVar[str] = "kernel.identifier-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, kind: str, expected: str, found: str) -> None:
        shown = found if len(found) <= _SHOWN else found[:_SHOWN] + "..."
        super().__init__(f"a {kind} looks like {expected}; found {shown!r}")
        self.kind = kind
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextId:
    """What names one market context, over every transport and for ever.

    Attributes:
        source_key: First 16 bytes of the source part's sha256.
        symbol: The declared instrument, such as ``fxcm:EURUSD``.
        stream: Kind of message in lower case: ``quote``, ``trade``, ``depth``, ``bar``.
        sequence: The source's own, else the record's ordinal in its part.
    """

    source_key: bytes
    symbol: str
    stream: str
    sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionId:
    """What names one decision about a context.

    Attributes:
        context: The context decided.
        role: ``serving``; or ``shadow``, ``lane``, ``fork``, ``replay``.
        package: Digest of the package that decided; empty when serving, or without a package.
        run_id: The run it was decided in; empty when serving, never otherwise.
    """

    context: ContextId
    role: str = SERVING
    package: str = ""
    run_id: str = ""


def symbol_key(symbol: str) -> int:
    """Return the word by which rows name ``symbol``: the first 8 bytes of its sha256.

    Example:
        >>> hex(symbol_key("fxcm:EURUSD"))
        '0x7d464b3a67c056fe'
    """
    return int.from_bytes(hashlib.sha256(symbol.encode()).digest()[:8], "little")


def source_key(digest: str) -> bytes:
    """Return the 16 bytes that stand for a source whose sha256 is ``digest``, 64 hex digits.

    Raises:
        IdentifierMalformedError: ``digest`` is not a sha256 in lower-case hexadecimal.
    """
    if _DIGEST.fullmatch(digest) is None:
        raise IdentifierMalformedError(
            kind="source digest", expected="64 lower-case hexadecimal digits", found=digest
        )
    return bytes.fromhex(digest)[:SOURCE_KEY_BYTES]


def source_words(key: bytes) -> tuple[int, int]:
    """Return a source key as the two words of a row: low, then high.

    Example:
        >>> source_words(bytes([1] + [0] * 7 + [2] + [0] * 7))
        (1, 2)
    """
    if len(key) != SOURCE_KEY_BYTES:
        raise IdentifierMalformedError(
            kind="source key", expected=f"{SOURCE_KEY_BYTES} bytes", found=key.hex()
        )
    low, high = _WORDS.unpack(key)
    return low, high


def source_key_of_words(low: int, high: int) -> bytes:
    """Return the source key that a row's two words hold; the inverse of ``source_words``."""
    return _WORDS.pack(low, high)


def format_context_id(context: ContextId) -> str:
    """Return the text of a context id.

    Raises:
        IdentifierMalformedError: A part cannot stand in an id.

    Example:
        >>> format_context_id(
        ...     ContextId(source_key=bytes(16), symbol="fxcm:EURUSD", stream="quote", sequence=7)
        ... )
        '00000000000000000000000000000000:fxcm:EURUSD:quote:7'
    """
    text = f"{context.source_key.hex()}:{context.symbol}:{context.stream}:{context.sequence}"
    if parse_context_id(text) != context:
        raise _malformed_context(text)
    return text


def parse_context_id(text: str) -> ContextId:
    """Return the context that ``text`` names.

    Raises:
        IdentifierMalformedError: ``text`` is no context id.
    """
    match = _CONTEXT.fullmatch(text)
    if match is None or int(match["sequence"]) > _SEQUENCE_MAX:
        raise _malformed_context(text)
    return ContextId(
        source_key=bytes.fromhex(match["source"]),
        symbol=match["symbol"],
        stream=match["stream"],
        sequence=int(match["sequence"]),
    )


def format_decision_id(decision: DecisionId) -> str:
    """Return the text of a decision id: the context id, then ``role_suffix``.

    Example:
        >>> context = parse_context_id("0" * 32 + ":fxcm:EURUSD:bar:0")
        >>> format_decision_id(DecisionId(context=context))
        '00000000000000000000000000000000:fxcm:EURUSD:bar:0/serving'
    """
    suffix = role_suffix(decision.role, package=decision.package, run_id=decision.run_id)
    return format_context_id(decision.context) + suffix


def role_suffix(role: str = SERVING, *, package: str = "", run_id: str = "") -> str:
    """Return what a role adds to a context id: ``/serving``, or ``/<role>/<package>/<run id>``.

    Raises:
        IdentifierMalformedError: The serving role names a package or a run, another role no run,
            or a part cannot stand in an id.
    """
    named = f"/{role}/{package or _NO_PACKAGE}/{run_id}"
    suffix = f"/{role}" if role == SERVING and not package + run_id else named
    if _role_of(suffix) is None:
        raise IdentifierMalformedError(
            kind="decision role", expected="/serving or /<role>/<package>/<run id>", found=suffix
        )
    return suffix


def parse_decision_id(text: str) -> DecisionId:
    """Return the decision that ``text`` names.

    Raises:
        IdentifierMalformedError: ``text`` is no decision id.
    """
    context, slash, rest = text.partition("/")
    parts = _role_of(slash + rest)
    if parts is None:
        raise IdentifierMalformedError(
            kind="decision id",
            expected="<context id>/serving or <context id>/<role>/<package>/<run id>",
            found=text,
        )
    role, package, run_id = parts
    return DecisionId(context=parse_context_id(context), role=role, package=package, run_id=run_id)


def _role_of(suffix: str) -> tuple[str, str, str] | None:
    """Return the role, package and run that ``suffix`` spells, or None."""
    match suffix.split("/"):
        case ["", "serving"]:
            return SERVING, "", ""
        case ["", role, package, run_id] if (
            role != SERVING
            and _ROLE.fullmatch(role)
            and (package == _NO_PACKAGE or _DIGEST.fullmatch(package))
            and _RUN.fullmatch(run_id)
        ):
            return role, "" if package == _NO_PACKAGE else package, run_id
        case _:
            return None


def _malformed_context(text: str) -> IdentifierMalformedError:
    """Return the refusal of ``text`` as a context id."""
    return IdentifierMalformedError(
        kind="context id",
        expected="<32 hex digits>:<venue>:<instrument>:<stream>:<sequence below 2^64>",
        found=text,
    )
