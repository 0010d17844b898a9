"""Feeds: each is declared, there is a bound for those that senders name, and it spans all lives."""

from __future__ import annotations

import pytest

from torghut.kernel.digests import sha256_hex
from torghut.schemas.live.naming import feed_digest
from torghut.workflows.live.errors import FeedsExhaustedError
from torghut.workflows.live.intake.feeds import Feeds


def test_a_feed_is_named_by_the_digest_of_its_declaration() -> None:
    feeds = Feeds(limit=1)
    feeds.admit(["desk"])
    body = feeds.declaration(feed_digest("desk"))
    assert body is not None
    assert sha256_hex(body) == feed_digest("desk")
    assert feeds.declaration("ab" * 32) is None


def test_one_feed_too_many_is_refused_and_known_ones_go_on() -> None:
    feeds = Feeds(limit=2)
    feeds.admit(["a", "b"])
    with pytest.raises(FeedsExhaustedError) as caught:
        feeds.admit(["c"])
    assert caught.value.retry_after_ms is None
    feeds.admit(["a"])


def test_where_one_of_several_feeds_is_too_many_none_takes_a_place() -> None:
    feeds = Feeds(limit=2)
    feeds.admit(["a"])
    with pytest.raises(FeedsExhaustedError, match="c"):
        feeds.admit(["a", "b", "c"])
    assert feeds.declaration(feed_digest("b")) is None
    feeds.admit(["c"])


def test_feeds_of_earlier_lives_count_and_need_no_new_place() -> None:
    feeds = Feeds(limit=2)
    feeds.know([feed_digest("a"), feed_digest("b")])
    feeds.admit(["a"])
    assert feeds.declaration(feed_digest("a")) is not None
    with pytest.raises(FeedsExhaustedError):
        feeds.admit(["c"])


def test_the_services_own_feed_takes_nobodys_place() -> None:
    feeds = Feeds(limit=1)
    feeds.admit(["a"])
    assert feeds.own("stdin") == feed_digest("stdin")
    assert feeds.declaration(feed_digest("stdin")) is not None
    with pytest.raises(FeedsExhaustedError):
        feeds.admit(["stdin"])  # for senders it is one more
