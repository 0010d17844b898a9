"""Who has not installed the extra is told which one it is."""

from __future__ import annotations

import sys

import pytest

from torghut.access.broker import BrokerAccess
from torghut.adapters.kafka.opening import KafkaExtraMissingError, open_topics


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torghut.adapters.kafka.admin", raising=False)
    monkeypatch.setitem(sys.modules, "aiokafka.admin", None)

    with pytest.raises(KafkaExtraMissingError, match=r"torghut\[kafka\]") as caught:
        open_topics(BrokerAccess(bootstrap="localhost:1"), budget_ms=1)

    assert caught.value.package == "aiokafka.admin"
