"""``torghut audit`` says yes of what it has looked at, and of nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.broker import InMemoryBroker
from tests.fakes.clock import HandClock
from tests.support.machine.commands import typed
from torghut.eventlog.memory import InMemoryLog
from torghut.workflows.carrying.terms import CarriedTopics


@pytest.mark.parametrize(("partitions", "status"), [(0, 3), (2, 0)])
def test_topic_in_which_nothing_can_be_looked_at_is_no_yes(
    partitions: int, status: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broker, topics = InMemoryBroker(), CarriedTopics()
    for topic in (topics.contexts, topics.decisions):
        broker.topics.make(topic, partitions)
    monkeypatch.setattr("torghut.composition.brokering.broker", lambda *_, **__: broker)
    monkeypatch.setattr(
        "torghut.composition.logs.readable_log", lambda _: InMemoryLog(clock=HandClock())
    )
    ended = typed("audit", "--log", str(tmp_path / "log.db"))
    assert ended.status == status, ended.err
    assert (topics.contexts in ended.err) == (status != 0)
