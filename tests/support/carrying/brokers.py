"""Kafka for tests: a broker that they share, and a cluster of three whose nodes may be killed."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import pytest

from ops.servers.broker import BrokerCluster, BrokerOptions, BrokerUnavailableError, run_broker

BOOTSTRAP: Final = "TORGHUT_KAFKA_BOOTSTRAP"
"""Where a broker is that is to be used instead of one that the tests start."""

TIMEOUT_S: Final = 180
"""Longest that such a test may take: the first one waits until the broker is there."""

FIXTURES: Final = frozenset({"broker", "cluster"})
MARKS: Final = (pytest.mark.system, pytest.mark.enable_socket)
"""What every test with a broker carries; those that name its fixture are given it."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Mark the tests that use a broker, before anybody selects by markers."""
    for item in items:
        if not FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            for mark in MARKS:
                item.add_marker(mark)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Return the addresses of a broker; tests give their topics names of their own."""
    if existing := os.environ.get(BOOTSTRAP):
        yield existing
        return
    with ExitStack() as stack:
        yield _started(stack, nodes=1).bootstrap


@pytest.fixture(scope="session")
def cluster() -> Iterator[BrokerCluster]:
    """Return three nodes; a test that makes one fail leaves all three ready again."""
    with ExitStack() as stack:
        yield _started(stack, nodes=3)


@contextmanager
def whole_again(cluster: BrokerCluster) -> Iterator[None]:
    """Let every node go on after the block, whichever were halted in it, until all are ready."""
    try:
        yield
    finally:
        for node in range(1, len(cluster.nodes) + 1):
            cluster.resume(node)
        cluster.await_ready()


def named(stem: str) -> str:
    """Return a name that no other test uses, for a topic or a group."""
    return f"{stem}-{secrets.token_hex(4)}"


def _started(stack: ExitStack, *, nodes: int) -> BrokerCluster:
    """Return a cluster that is ready until the stack closes; skip where none can be run."""
    try:
        return stack.enter_context(run_broker(BrokerOptions(nodes=nodes, quick=True)))
    except BrokerUnavailableError as error:
        pytest.skip(str(error)[:300])
