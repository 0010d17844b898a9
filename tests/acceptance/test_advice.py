"""A running service is advised; whatever becomes of who advises, it decides in time, once each."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.support.live.advised import (
    SYMBOL,
    Advised,
    advised,
    advised_actively,
    reasons,
    stand_in,
)
from torghut.client import SyncClient
from torghut.kernel.canonical import JsonObject
from torghut.schemas.control import VERDICTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

RECOVERED_S: Final = 5.0
"""Longest from a switch's throw to a decision under it that is asked for when it is thrown."""
OFF: JsonObject = {
    "kind": "reasoning-mode",
    "control_id": "off-1",
    "mode": "off",
    "reason": "it advises badly",
}
ADVISED = ("advice-approved", "advice-adjusted", "advice-deferred", "advice-vetoed")


def test_advice_of_the_specialist_decides_and_the_log_replays_without_it(tmp_path: Path) -> None:
    with advised_actively(tmp_path) as (made, client):
        made.reasons_until(client, *ADVISED)
        assert made.service.end() == 0

    ended = made.service.typed("replay", "--verify", "--log", str(made.service.log))
    assert ended.status == 0, ended.out
    resolved = [one for one in made.exported("controls") if one["kind"] == "advice-resolved"]
    cited = [one["advice"] for one in resolved if "advice" in one]
    assert cited
    # The endpoint is gone by now: what was said is said again from the record alone.
    again = made.service.typed("reasoning", "replay", "--log", str(made.service.log), "--json")
    assert again.status == 0, again.out
    assert json.loads(again.out)["counts"] == {"identical": len(cited)}
    shown = made.service.typed("reasoning", "record", str(cited[-1]))
    assert "regime:entropy" in shown.out
    assert "verdict: " in shown.out


def test_endpoint_that_hangs_holds_no_decision_up_beyond_its_budget(tmp_path: Path) -> None:
    with advised_actively(tmp_path, "hang") as (made, client):
        begun = time.monotonic()
        found = made.reasons_until(client, "advice-timed-out")
        assert "budget-missed" not in found
        assert time.monotonic() - begun < 60


def test_nothing_is_asked_while_advice_is_off(tmp_path: Path) -> None:
    with stand_in(tmp_path) as (url, process):
        with advised(tmp_path, url) as made:
            made.service.start()
            client = made.service.client()
            made.warm(client)
            assert "reasoning-off" in made.reasons_until(client, "reasoning-off")
            assert made.service.end() == 0
        process.terminate()
        assert "at most 0 at once" in process.communicate(timeout=10)[0]


def test_advice_is_off_from_the_record_on_that_says_so(tmp_path: Path) -> None:
    with advised_actively(tmp_path) as (made, client):
        made.reasons_until(client, *ADVISED)
        (answered,) = made.service.client("operate").control([OFF])
        assert answered.status == "taken"
        assert "reasoning-off" in reasons(made.decide(client))


def test_shadow_records_beside_decisions_what_active_heeds(tmp_path: Path) -> None:
    with (
        stand_in(tmp_path) as (url, _),
        advised(tmp_path, url, "--reasoning-mode", "shadow") as made,
    ):
        made.service.start()
        client = made.service.client()
        made.warm(client)
        until = time.monotonic() + 45
        while not (verdicts := shadowed(made)) and time.monotonic() < until:
            assert not set(ADVISED) & set(reasons(made.decide(client)))
        assert verdicts, made.service.said()[-3000:]
        assert made.service.end() == 0

    log = str(made.service.log)
    assert made.service.typed("replay", "--verify", "--log", log).status == 0
    told = made.service.typed("reasoning", "report", "--log", log, "--json")
    found = json.loads(told.out)["symbols"][SYMBOL]
    assert found["asked"] == sum(found["answers"].values()) >= len(verdicts)
    assert found["heeded"] == found["agreed"] + found["smaller"] + found["larger"] > 0


def test_shadow_goes_over_to_active_and_one_switch_takes_it_back(tmp_path: Path) -> None:
    with (
        stand_in(tmp_path) as (url, _),
        advised(tmp_path, url, "--reasoning-mode", "shadow") as made,
    ):
        made.service.start()
        client = made.service.client()
        made.warm(client)
        made.reasons_until(client, "reasoning-shadow")
        change_mode(made, "active", "the shadow agrees")
        made.reasons_until(client, *ADVISED)

        typed(made, "switch", "throw", "deterministic-only", "--reason", "it contradicts itself")
        assert "deterministic-only" in reasons(made.decide(client))
        thrown_ns = made.service.thrown_wall_ns("deterministic-only")
        assert (time.time_ns() - thrown_ns) / 1e9 < RECOVERED_S
        for _ in range(5):
            assert not set(ADVISED) & set(reasons(made.decide(client)))

        typed(made, "switch", "release", "deterministic-only", "--reason", "it is sound again")
        made.reasons_until(client, *ADVISED)
        change_mode(made, "shadow", "to be watched again")
        made.reasons_until(client, "reasoning-shadow")
        assert made.service.end() == 0

    log = str(made.service.log)
    assert made.service.typed("replay", "--verify", "--log", log).status == 0
    modes = [one for one in made.exported("controls") if one["kind"] == "reasoning-mode"]
    assert [one["mode"] for one in modes] == ["shadow", "active", "shadow"]


def typed(made: Advised, *words: str) -> None:
    """Type a command of whoever is on call, and see that it is done."""
    ended = made.service.typed(*words)
    assert ended.status == 0, (words, ended.out, ended.err)


def change_mode(made: Advised, mode: str, reason: str) -> None:
    """Put a reasoning mode in force."""
    record: JsonObject = {
        "kind": "reasoning-mode",
        "control_id": f"mode:{mode}:{len(reason)}",
        "mode": mode,
        "reason": reason,
    }
    (answered,) = made.service.client("operate").control([record])
    assert answered.status == "taken"


def shadowed(made: Advised) -> Sequence[object]:
    """Return the verdicts that are on record beside decisions."""
    controls = [one for one in made.exported("controls") if one["kind"] == "advice-shadowed"]
    return [one for one in controls if one["resolution"] in VERDICTS]


def test_process_that_asks_leaves_the_first_core_to_who_decides(tmp_path: Path) -> None:
    with advised_actively(tmp_path) as (made, client):
        made.reasons_until(client, *ADVISED)
        given, kept = os.sched_getaffinity(0), os.sched_getaffinity(made.asking_pid())
    assert kept == (given - {min(given)} or given)


def test_process_that_asks_may_die_and_is_asked_again_once_it_is_back(tmp_path: Path) -> None:
    with advised_actively(tmp_path) as (made, client):
        made.reasons_until(client, *ADVISED)
        os.kill(made.asking_pid(), signal.SIGKILL)
        made.reasons_until(client, "advice-failed", "advice-timed-out")
        standing = json.loads(made.service.typed("reasoning", "status", "--json").out)
        assert standing["breaker"]["state"] == "closed"
        asked = standing["calls"]["per_hour"] - standing["calls"]["left"]
        assert asked == sum(standing["day"]["resolved"].values()) + standing["under_way"] > 0
        made.reasons_until(client, *ADVISED)


def test_context_that_waited_when_the_service_died_is_decided_once(tmp_path: Path) -> None:
    with advised_actively(tmp_path, "hang") as (made, client):
        made.reasons_until(client, "advice-timed-out")  # from here on somebody is asked
        # The one that asks waits for two seconds; the service dies before that.
        threading.Thread(target=ask_on, args=(made, client), daemon=True).start()
        time.sleep(1.0)
        made.service.end(signal.SIGKILL)
        made.service.start()
        assert made.service.end() == 0

    resolved = [one for one in made.exported("controls") if one["kind"] == "advice-resolved"]
    assert [one["resolution"] for one in resolved].count("lost") == 1
    contexts = Counter(one["context_id"] for one in resolved)
    assert set(contexts.values()) == {1}
    assert made.service.typed("replay", "--verify", "--log", str(made.service.log)).status == 0


def ask_on(made: Advised, client: SyncClient) -> None:
    """Offer quotes until one of them is not answered."""
    with suppress(Exception):
        while True:
            made.decide(client)
