"""A worker relies on every topic that it cannot do without."""

from __future__ import annotations

from dataclasses import astuple

from torghut.workflows.carrying.terms import CarriedTopics


def test_worker_relies_on_all_topics_but_those_that_carry_no_decision_of_its_own() -> None:
    topics = CarriedTopics()

    others = {topics.heartbeats, topics.governance, topics.passages}
    assert set(astuple(topics)) - set(topics.relied_on) == others
