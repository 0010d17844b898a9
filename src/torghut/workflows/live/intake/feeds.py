"""Live feeds that senders name: each is declared once, and there are not more than may be."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from torghut.schemas.live.naming import feed_declaration, feed_digest
from torghut.workflows.live.errors import FeedsExhaustedError


@dataclass(slots=True, kw_only=True)
class Feeds:
    """The feeds that were named so far, in this life of the service or before.

    Attributes:
        limit: Most that senders may name.
    """

    limit: int
    _known: set[str] = field(default_factory=set)
    _admitted: set[str] = field(default_factory=set)
    _digests: dict[str, str] = field(default_factory=dict)
    _declarations: dict[str, bytes] = field(default_factory=dict)

    def know(self, digests: Iterable[str]) -> None:
        """Count the feeds that a log was decided from: they are named already."""
        self._known.update(digests)

    def own(self, feed: str) -> str:
        """Return the digest of a feed that the service itself names, whatever others name."""
        digest = self._digests.get(feed)
        if digest is None:
            digest = self._digests[feed] = feed_digest(feed)
            self._declarations[digest] = feed_declaration(feed)
        return digest

    def admit(self, feeds: Collection[str]) -> None:
        """Let senders name feeds, which are known from now on: all of them or none.

        Raises:
            FeedsExhaustedError: They would be too many.
        """
        if self._admitted.issuperset(feeds):
            return
        digests = {feed_digest(feed): feed for feed in feeds}
        room = self.limit - len(self._known)
        unknown = [feed for digest, feed in digests.items() if digest not in self._known]
        if len(unknown) > room:
            raise FeedsExhaustedError(feed=unknown[max(0, room)], limit=self.limit)
        self._known.update(map(self.own, feeds))
        self._admitted.update(feeds)

    def declaration(self, digest: str) -> bytes | None:
        """Return what declares the feed of that digest; None if it was never named."""
        return self._declarations.get(digest)
