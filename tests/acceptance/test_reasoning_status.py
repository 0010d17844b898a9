"""``torghut reasoning status``, typed: what is left of the hour, and what it cost."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.support.decisions.declared import ROOT
from tests.support.machine.commands import installation, typed
from torghut.adapters.filesystem.declarations import load
from torghut.adapters.system.clock import SystemClock
from torghut.composition.advice.ledger import asking_events
from torghut.eventlog.envelopes import Causes
from torghut.schemas.reasoning.ledger import QuestionBegun, QuestionEnded
from torghut.settings import DECLARATIONS_DIR, settings
from torghut.workflows.reasoning.ledger import day_stream

RESERVED = 12_000
USED = 3_000


async def ask() -> None:
    """Put on record that one question is over and another is under way."""
    now_ns = SystemClock().now_ns()
    begun = [
        QuestionBegun(
            question=number,
            context_id=f"{'cd' * 16}:binance-spot:ETHUSDT:quote:{number}",
            tokens=RESERVED,
            turn=0,
            at_ns=now_ns,
        )
        for number in range(2)
    ]
    ended = QuestionEnded(
        question=0, resolution="veto", code="", tokens=USED, asked=True, at_ns=now_ns
    )
    await asking_events().append_events(
        day_stream(now_ns),
        [*begun, ended],
        expected_version=0,
        causes=Causes(correlation_id="test", causation_id="test"),
    )


def declare_price(folder: Path) -> Path:
    """Return declarations that have a price of tokens."""
    for name in ("streams", "governance", "router"):
        shutil.copytree(ROOT / name, folder / name)
    policy = folder / "governance" / "policies" / "reasoning.yaml"
    text = policy.read_text(encoding="utf-8")
    changed = text.replace("  at_once: 64", '  usd_per_million_tokens: "15"\n  at_once: 64')
    assert changed != text
    policy.write_text(changed, encoding="utf-8")
    return folder


def test_without_a_price_nothing_is_said_of_what_it_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with installation(monkeypatch, tmp_path):
        asyncio.run(ask())
        people, machines = typed("reasoning", "status"), typed("reasoning", "status", "--json")

    assert people.status == machines.status == 0, people.err
    assert "598 of 600 left of this hour" in people.out
    assert "no price is declared" in people.out
    assert machines.json["cost"] is None
    assert machines.json["tokens"]["left"] == 4_000_000 - USED - RESERVED


def test_with_a_price_the_hour_costs_what_is_reserved_too_and_the_day_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = declare_price(tmp_path / "declared")
    with installation(monkeypatch, tmp_path):
        monkeypatch.setenv(DECLARATIONS_DIR, str(declared))
        settings.cache_clear()
        asyncio.run(ask())
        people, machines = typed("reasoning", "status"), typed("reasoning", "status", "--json")

    assert machines.json["cost"] == {"hour_usd": "0.225000", "day_usd": "0.045000"}
    assert "at most 0.225000 USD of this hour, 0.045000 USD of this day" in people.out


def test_price_changes_no_digest_of_what_decisions_cite(tmp_path: Path) -> None:
    declared = declare_price(tmp_path / "declared")

    assert load(declared).digest == load(ROOT).digest
