"""Switches on the real service: in force within three seconds, whatever else does not work."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.live_services import LiveService, expect_refused, live_service, locked

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

NAMES: Final = ("stop", "deterministic-only", "defensive-weights")
IN_FORCE_MS: Final = 3000

Circumstance = Callable[[LiveService], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def log_locked(service: LiveService) -> Iterator[None]:
    with locked(service.log):
        yield


@contextlib.contextmanager
def no_contexts(_service: LiveService) -> Iterator[None]:
    yield


@contextlib.contextmanager
def api_down(service: LiveService) -> Iterator[None]:
    service.socket.unlink()
    (service.folder / "var" / "api-tokens").write_text("", encoding="utf-8")
    yield


@contextlib.contextmanager
def consumer_hung(service: LiveService) -> Iterator[None]:
    with service.hung_consumer():
        yield


CIRCUMSTANCES: Final[Sequence[Circumstance]] = (log_locked, no_contexts, api_down, consumer_hung)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LiveService]:
    with live_service(tmp_path) as one:
        one.start()
        yield one


def thrown_ids(service: LiveService) -> list[str]:
    """Return which switch each throw in the log throws."""
    return sorted(
        control.split(":")[1]
        for control in service.recorded()
        if control.startswith("switch:") and control.endswith(":thrown")
    )


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES, ids=lambda one: one.__name__)
def test_each_switch_is_in_force_within_three_seconds_or_refuses(
    service: LiveService, circumstance: Circumstance
) -> None:
    client = service.client()
    service.decide(client)
    with circumstance(service):
        for name in NAMES:
            ended = service.typed("switch", "throw", name, "--reason", "test", "--json")

            assert ended.status == 0, ended.out + ended.err
            assert [one["acknowledged_ms"] < IN_FORCE_MS for one in ended.json["workers"]] == [True]
        expect_refused(service)
    if circumstance is not api_down:
        after = service.decide(client, budget_ms=10_000)

        assert after.decision is not None
        assert "stopped" in after.decision.reasons
    assert service.end() == 0
    assert thrown_ids(service) == sorted(NAMES)


def test_switches_thrown_while_the_loop_restarts_come_before_its_first_decision(
    service: LiveService,
) -> None:
    service.decide(service.client())
    service.end(signal.SIGKILL)
    for name in NAMES:
        ended = service.typed("switch", "throw", name, "--reason", "test")

        assert ended.status == 0, ended.out + ended.err
    expect_refused(service)
    service.start()

    first = service.decide(service.client())
    service.end(signal.SIGKILL)
    service.start()
    again = service.decide(service.client())

    for one in (first, again):
        assert one.decision is not None
        assert "stopped" in one.decision.reasons
    assert service.end() == 0
    assert thrown_ids(service) == sorted(NAMES)


def test_a_halted_worker_is_named_and_obeys_on_waking(service: LiveService) -> None:
    client = service.client()
    service.decide(client)
    service.send(signal.SIGSTOP)
    ended = service.typed("switch", "throw", "stop", "--reason", "test")
    service.send(signal.SIGCONT)

    assert ended.status == 6
    assert "worker-0" in ended.out
    after = service.decide(service.client(), budget_ms=10_000)
    assert after.decision is not None
    assert "stopped" in after.decision.reasons
    assert service.end() == 0
    assert thrown_ids(service) == ["stop"]


def test_what_was_decided_replays_to_the_last_byte(service: LiveService) -> None:
    client = service.client()
    for _ in range(20):
        service.decide(client)
    service.typed("switch", "throw", "stop", "--reason", "test")
    for _ in range(20):
        service.decide(client)
    service.end(signal.SIGKILL)

    replayed = service.typed("replay", "--verify", "--log", str(service.log))

    assert replayed.status == 0, replayed.out + replayed.err
