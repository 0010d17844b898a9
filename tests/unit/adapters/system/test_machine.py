"""The fingerprint of an environment changes with every fact, and with nothing else."""

from __future__ import annotations

from torghut.adapters.system.machine import environment, fingerprint


def test_every_fact_counts() -> None:
    facts = dict(environment())

    assert all(facts.values())
    changed = {fingerprint({**facts, name: "other"}) for name in facts}
    assert len(changed | {fingerprint(facts)}) == len(facts) + 1


def test_order_does_not_count() -> None:
    assert fingerprint({"a": "1", "b": "2"}) == fingerprint({"b": "2", "a": "1"})
