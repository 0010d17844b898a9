"""What names a live feed and the contexts offered on it; light, for senders that decide nothing."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.ids import ContextId, format_context_id, source_key

FEED_KIND: Final = "live-feed.v1"

_SEQUENCES: Final = 2**64


def feed_declaration(feed: str) -> bytes:
    """Return the canonical JSON that declares a live feed; its sha256 names the source."""
    return canonical_bytes({"feed": feed, "kind": FEED_KIND})


def feed_digest(feed: str) -> str:
    """Return the sha256 that names a live feed as a source, 64 hex digits.

    Example:
        >>> feed_digest("desk-1")[:16]
        'f4d0033e07c1bafc'
    """
    return sha256_hex(feed_declaration(feed))


def offered_context_id(feed: str, symbol: str, stream: str, sequence: int) -> str:
    """Return the id that a context offered on ``feed`` has, the same to sender and service.

    Raises:
        IdentifierMalformedError: A part cannot stand in an id.
    """
    if not 0 <= sequence < _SEQUENCES:
        return _context_id(feed, symbol, stream, sequence)
    return f"{_prefix(feed, symbol, stream)}{sequence}"


def _context_id(feed: str, symbol: str, stream: str, sequence: int) -> str:
    """Return a context id, every part of it checked."""
    key = source_key(feed_digest(feed))
    return format_context_id(
        ContextId(source_key=key, symbol=symbol, stream=stream, sequence=sequence)
    )


@lru_cache(maxsize=1024)
def _prefix(feed: str, symbol: str, stream: str) -> str:
    """Return what the ids of a stream begin with."""
    return _context_id(feed, symbol, stream, 0)[:-1]
