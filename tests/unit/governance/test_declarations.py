"""Gates, triggers and owners are declared completely, or refused."""

from __future__ import annotations

import pytest

from tests.support.decisions.declared import changed, shipped, text_of
from tests.support.governance.promoting import declared, fingerprint_of
from torghut.governance.declarations import (
    parse_gate_policies,
    parse_owners,
    parse_program_policy,
    parse_reasoning_policy,
)
from torghut.schemas.codes import Gate
from torghut.schemas.declarations.errors import DeclarationContentError
from torghut.schemas.declarations.governance import GatePolicy

GATES = "governance/policies/gates.yaml"
REASONING = "governance/policies/reasoning.yaml"
PROGRAMS = "governance/policies/programs.yaml"
OWNERS = "governance/owners.yaml"


def test_gates_are_all_declared_in_the_order_they_are_applied() -> None:
    policies = parse_gate_policies(text_of(GATES), file=GATES)

    assert [policy.id for policy in policies.gates] == [
        gate.name.lower().replace("_", "-") for gate in Gate
    ]


def test_asset_class_has_its_own_threshold_where_it_declares_one() -> None:
    policies = shipped().gates

    assert policies.threshold("spread", "fx") == 0.0003
    assert policies.threshold("spread", "crypto") == 0.0005


def test_own_threshold_of_zero_is_not_the_default() -> None:
    policies = parse_gate_policies(changed(GATES, "fx: 0.0003", "fx: 0"), file=GATES)

    assert policies.threshold("spread", "fx") == 0.0


def test_threshold_set_elsewhere_cannot_be_asked_for_here() -> None:
    with pytest.raises(TypeError, match="taken from limits-allotted"):
        shipped().gates.threshold("allotment", "fx")


def test_every_gate_is_answered_for_by_a_declared_role() -> None:
    roles = {owner.role for owner in shipped().owners.owners}

    assert {policy.owner for policy in shipped().gates.gates} <= roles


def test_repeated_gate_is_refused() -> None:
    text = changed(GATES, "id: freshness", "id: kill-switch")

    with pytest.raises(DeclarationContentError, match="once each and in this order"):
        parse_gate_policies(text, file=GATES)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("id: spread", "id: spraed", "gates[4].id"),
        ('comparator: "=="', "comparator: about", "gates[0].comparator"),
        ("unit: samples", "unit: parsecs", "gates[3].unit"),
        ("on_fail: clamp", "on_fail: shrug", "gates[11].on_fail"),
        ("owner: model", "owner: Bob", "gates[3].owner"),
        ("taken_from: limits-allotted", "default: 5", "gates[11]"),
        ("default: 40", "taken_from: mode.notional_cap", "gates[9].threshold"),
        ("max_symbols: 10", "max_symbols: 0", "portfolio.max_symbols"),
        ('cap: "1000000"', "cap: 1000000", "portfolio.cap"),
        ("at_par: [USD, USDT]", "at_par: []", "portfolio.at_par"),
    ],
)
def test_wrong_gate_policy_is_refused_at_its_key(old: str, new: str, key: str) -> None:
    with pytest.raises(DeclarationContentError) as refused:
        parse_gate_policies(changed(GATES, old, new), file=GATES)

    assert any(problem.key.startswith(key) for problem in refused.value.problems)


def test_declared_gate_needs_a_threshold_of_its_own() -> None:
    spread = next(policy for policy in shipped().gates.gates if policy.id == "spread")
    elsewhere = {**spread.model_dump(), "threshold": {"taken_from": "limits-allotted"}}

    with pytest.raises(ValueError, match="a threshold declared here"):
        GatePolicy.model_validate(elsewhere)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("entropy_ratio: 0.8", "entropy_ratio: 1.8", "triggers.entropy_ratio"),
        ("news_age_ms: 300000", "news_age_ms: -1", "triggers.news_age_ms"),
        ('advice: "off"', "advice: maybe", "advice"),
        ("exposure_raise_ratio: 0.0", "exposure_raise_ratio: 2", "fallback.exposure_raise_ratio"),
    ],
)
def test_wrong_reasoning_policy_is_refused_at_its_key(old: str, new: str, key: str) -> None:
    with pytest.raises(DeclarationContentError) as refused:
        parse_reasoning_policy(changed(REASONING, old, new), file=REASONING)

    assert key in {problem.key for problem in refused.value.problems}


def test_fallback_raises_no_exposure_as_shipped() -> None:
    assert shipped().reasoning.fallback.exposure_raise_ratio == 0.0


@pytest.mark.parametrize(
    ("old", "new"),
    [("role: security", "role: model"), ("role: security", "role: Alice"), ("owners:", "people:")],
)
def test_wrong_owners_are_refused(old: str, new: str) -> None:
    with pytest.raises(DeclarationContentError):
        parse_owners(changed(OWNERS, old, new), file=OWNERS)


def entry(name: str, role: str = "production", **changes: str) -> str:
    """Return a key as it stands in the file, but for ``changes``."""
    key = declared(name, "production").model_dump() | {"role": role} | changes
    lines = "".join(f"    {field}: {value}\n" for field, value in key.items())
    return "  -" + lines[3:]


def keys(*entries: str) -> str:
    """Return the shipped owners with keys."""
    return changed(OWNERS, "keys: []", "keys:\n" + "".join(entries))


def test_owners_ship_without_a_key() -> None:
    assert parse_owners(text_of(OWNERS), file=OWNERS).keys == ()


def test_keys_are_declared_by_role_and_bytes() -> None:
    owners = parse_owners(keys(entry("ben"), entry("clock", "scheduler")), file=OWNERS)

    assert [(one.role, one.fingerprint) for one in owners.keys] == [
        ("production", fingerprint_of("ben")),
        ("scheduler", fingerprint_of("clock")),
    ]


def test_owners_written_before_there_were_keys_still_are_owners() -> None:
    assert parse_owners(changed(OWNERS, "keys: []", ""), file=OWNERS).keys == ()


def test_keys_are_no_part_of_what_decisions_cite() -> None:
    with_keys = parse_owners(keys(entry("ben")), file=OWNERS)

    assert with_keys.model_dump() == parse_owners(text_of(OWNERS), file=OWNERS).model_dump()


@pytest.mark.parametrize(
    "text",
    [
        keys(entry("ben"), entry("ben", "model")),
        keys(entry("ben"), entry("ben")),
        keys(entry("ben", fingerprint=fingerprint_of("eve"))),
        keys(entry("ben", public_key="AAAA")),
        keys(entry("ben", public_key="A" * 42 + "B=")),
        keys(entry("ben", "boss")),
        keys(entry("ben", holder="Ben")),
    ],
    ids=["two-roles", "twice", "other-name", "short", "padded", "unknown-role", "named"],
)
def test_wrong_keys_are_refused(text: str) -> None:
    with pytest.raises(DeclarationContentError):
        parse_owners(text, file=OWNERS)


def test_one_key_under_two_spellings_is_refused() -> None:
    public = declared("ben", "production").public_key
    last = public[-2]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    spelled = public[:-2] + alphabet[alphabet.index(last) ^ 1] + "="

    with pytest.raises(DeclarationContentError, match="one base64 text"):
        parse_owners(keys(entry("ben", public_key=spelled)), file=OWNERS)


def test_what_binds_programs_is_declared_apart_from_what_decisions_cite() -> None:
    policy = parse_program_policy(text_of(PROGRAMS), file=PROGRAMS)

    assert policy.limits.questions_min > 2 * policy.limits.each_min
    within = text_of(REASONING) + "programs:\n  why: Of old, they stood here.\n"
    with pytest.raises(DeclarationContentError, match="programs"):
        parse_reasoning_policy(within, file=REASONING)


def test_limits_of_programs_that_tell_nothing_apart_are_refused() -> None:
    text = changed(PROGRAMS, "false_veto_max_ratio: 0.4", "false_veto_max_ratio: 0.6")

    with pytest.raises(DeclarationContentError, match="what vetoes everything"):
        parse_program_policy(text, file=PROGRAMS)
