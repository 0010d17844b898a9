"""Switches on the real service: in force within three seconds, whatever else does not work."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from tests.support.decisions.declared import ROOT, changed
from tests.support.decisions.packages import eager_package
from tests.support.live.live_services import (
    OTHER,
    SYMBOL,
    LiveService,
    Seen,
    live_service,
    locked,
)
from tests.support.scheduling.schedulers import wait_until
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.client import Delivery
from torghut.settings import DECLARATIONS_DIR, REVISION
from torghut.workflows.live.switch_ports import SWITCH_NAMES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

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


def wanting_advice(folder: Path) -> Path:
    """Return declarations under which every decision wants advice."""
    for name in ("streams", "governance", "router", "evals", "ops"):
        shutil.copytree(ROOT / name, folder / name)
    policy = "governance/policies/reasoning.yaml"
    (folder / policy).write_text(changed(policy, "entropy_ratio: 0.8", "entropy_ratio: 0"))
    return folder


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LiveService]:
    with live_service(tmp_path) as one:
        one.variables = {DECLARATIONS_DIR: str(wanting_advice(tmp_path / "declared"))}
        one.start()
        assert "reasoning-off" in decided(one.decide(one.client()))[0]
        yield one


def thrown_ids(service: LiveService) -> list[str]:
    """Return which switch each throw in the log throws."""
    return sorted(
        control.split(":")[1]
        for control in service.recorded()
        if control.startswith("switch:") and control.endswith(":thrown")
    )


def decided(delivery: Delivery) -> tuple[set[str], str]:
    """Return the reasons of a decision, and the package that served."""
    found = json.loads(delivery.line)["decision"]
    return set(found["reasons"]), found["lineage"]["package"]


def check_in_force(name: str, delivery: Delivery) -> None:
    """Check that a decision was made under a switch, as far as a decision shows it."""
    reasons, package = decided(delivery)
    match name:
        case "stop":
            assert "stopped" in reasons
        case "defensive-weights":
            assert "defensive-weights" in reasons
        case "revert-packages":  # nothing was promoted before
            assert package == ""
        case "last-stable-revision":
            assert "revision-fenced" in reasons
            assert delivery.decision is not None
            assert delivery.decision.intent == "abstain"
        case "deterministic-only":  # every decision of these services wants advice
            assert "deterministic-only" in reasons
            assert "reasoning-off" not in reasons
        case _:
            raise AssertionError(name)


def is_in_force(name: str, delivery: Delivery) -> bool:
    """Return whether a decision was made under a switch, as far as a decision shows it."""
    try:
        check_in_force(name, delivery)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES, ids=lambda one: one.__name__)
def test_each_switch_is_in_force_within_three_seconds(
    service: LiveService, circumstance: Circumstance
) -> None:
    client = service.client()
    packages = {name: decided(service.decide(client, symbol=name))[1] for name in (SYMBOL, OTHER)}
    assert all(packages.values())
    with circumstance(service):
        for name in SWITCH_NAMES:
            ended = service.typed("switch", "throw", name, "--reason", "test", "--json")

            assert ended.status == 0, ended.out + ended.err
            assert [one["acknowledged_ms"] < IN_FORCE_MS for one in ended.json["workers"]] == [True]
    if circumstance is not api_down:
        for symbol in (SYMBOL, OTHER):
            first = service.decide(client, symbol=symbol, budget_ms=10_000)
            for name in SWITCH_NAMES:
                check_in_force(name, first)
    assert service.end() == 0
    assert thrown_ids(service) == sorted(SWITCH_NAMES)


def wait_for_more(seen: Sequence[Seen]) -> None:
    """Wait until each symbol was decided twice more: the first time may have begun before."""
    before = len(seen)

    def decided_again() -> bool:
        more = [one.symbol for one in seen[before:]]
        return all(more.count(symbol) > 1 for symbol in (SYMBOL, OTHER))

    wait_until(decided_again)


@pytest.mark.parametrize("circumstance", [no_contexts, consumer_hung])
def test_each_active_symbol_is_decided_under_it_within_three_seconds_of_the_throw(
    service: LiveService, circumstance: Circumstance
) -> None:
    with circumstance(service):
        for name in SWITCH_NAMES:
            with service.deciding(SYMBOL, OTHER) as seen:
                ended = service.typed("switch", "throw", name, "--reason", "test")
                wait_for_more(seen)
            thrown_ns = service.thrown_wall_ns(name)

            assert ended.status == 0, ended.out + ended.err
            for symbol in (SYMBOL, OTHER):
                own = [one for one in seen if one.symbol == symbol]
                first = next(one for one in own if is_in_force(name, one.delivery))
                assert (first.wall_ns - thrown_ns) / 1e6 < IN_FORCE_MS
                assert all(is_in_force(name, one.delivery) for one in own[own.index(first) :])
    assert service.end() == 0


def test_switches_thrown_while_the_loop_restarts_come_before_its_first_decision(
    service: LiveService,
) -> None:
    service.decide(service.client())
    service.end(signal.SIGKILL)
    for name in SWITCH_NAMES:
        ended = service.typed("switch", "throw", name, "--reason", "test")

        assert ended.status == 0, ended.out + ended.err
    service.start()

    first = service.decide(service.client())
    service.end(signal.SIGKILL)
    service.start()
    again = service.decide(service.client())

    for one in (first, again):
        for name in SWITCH_NAMES:
            check_in_force(name, one)
    assert service.end() == 0
    assert thrown_ids(service) == sorted(SWITCH_NAMES)


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


@contextlib.contextmanager
def promoted(folder: Path) -> Iterator[tuple[LiveService, str, str]]:
    """Give a service that decided on a package and was started anew on another one."""
    declared = wanting_advice(folder / "declared")
    newer = eager_package()
    FolderPackageStore(declared / "router" / "baselines").save(newer)
    older = next(
        one
        for one in FolderPackageStore(ROOT / "router" / "baselines").references()
        if one.name == "fx-intraday"
    )
    with live_service(folder) as service:
        service.variables = {DECLARATIONS_DIR: str(declared)}
        service.options = ("--source", "api:", "--package", str(older))
        service.start()
        _, before = decided(service.decide(service.client()))
        assert service.end() == 0
        service.options = ("--source", "api:", "--package", str(newer.reference))
        service.start()
        yield service, before, newer.digest


@pytest.mark.parametrize("circumstance", [log_locked, api_down, no_contexts])
def test_packages_are_reverted_to_the_one_promoted_before_and_restored(
    tmp_path: Path, circumstance: Circumstance
) -> None:
    with promoted(tmp_path) as (service, before, newest):
        client = service.client()
        assert decided(service.decide(client))[1] == newest
        with circumstance(service):
            ended = service.typed("switch", "throw", "revert-packages", "--reason", "worse fills")
            assert ended.status == 0, ended.out + ended.err
        if circumstance is api_down:
            assert service.end() == 0
            return
        assert decided(service.decide(client, budget_ms=10_000))[1] == before
        service.end(signal.SIGKILL)
        service.start()  # the package of the installation does not come back by a restart
        client = service.client()
        assert decided(service.decide(client))[1] == before

        ended = service.typed("switch", "release", "revert-packages", "--reason", "was the venue")

        assert ended.status == 0, ended.out + ended.err
        assert decided(service.decide(client))[1] == newest
        assert service.end() == 0
        replayed = service.typed("replay", "--verify", "--log", str(service.log))
        assert replayed.status == 0, replayed.out + replayed.err


def test_a_fence_holds_for_its_revision_alone_until_people_release_it(
    service: LiveService,
) -> None:
    """The fixture's service has no configured revision; what follows has."""
    assert service.end() == 0
    reasons: list[bool] = []

    def start(revision: str) -> None:
        service.variables = {REVISION: revision}
        service.start()

    def decide() -> None:
        reasons.append("revision-fenced" in decided(service.decide(service.client()))[0])

    start("torghut-00042")
    decide()
    ended = service.typed("switch", "throw", "last-stable-revision", "--reason", "wrong sizes")
    assert ended.status == 0, ended.out + ended.err
    decide()
    service.end(signal.SIGKILL)
    start("torghut-00041")
    decide()
    assert service.end() == 0
    start("torghut-00042")
    decide()
    ended = service.typed("switch", "release", "last-stable-revision", "--reason", "it was not it")
    assert ended.status == 0, ended.out + ended.err
    decide()

    assert reasons == [False, True, False, True, False]
    assert service.end() == 0
    replayed = service.typed("replay", "--verify", "--log", str(service.log))
    assert replayed.status == 0, replayed.out + replayed.err
