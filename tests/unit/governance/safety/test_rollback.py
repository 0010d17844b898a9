"""A rollback is proven by its evidence and by who decides after it; without one none is cited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, get_args

import pytest
from pydantic import ValidationError

from tests.support.governance.governing import SECOND_NS, START_NS, Memory, safety_policy
from tests.support.lane.rollouts import examined, gate_evidence, incident
from torghut.artifacts.errors import ReadFault
from torghut.governance.rollouts.evidence import EvidenceFault, Examined
from torghut.governance.safety.errors import (
    OutOfOrderError,
    RollbackNotEffectiveError,
    RollbackStepError,
)
from torghut.governance.safety.rollback import (
    OWED,
    ROLLBACK,
    ConfirmDrained,
    ConfirmEffective,
    JudgeProof,
    RollbackCommand,
    RollbackState,
    SupersedeRollback,
    SwitchBack,
    TriggerRollback,
)
from torghut.schemas.governing.fields import Evidence
from torghut.schemas.governing.rollback import (
    ROLLBACK_EVENT,
    EvidenceName,
    ProofJudged,
    RollbackEffective,
    RollbackEvent,
    RollbackTriggered,
)

Rollback = Memory[RollbackCommand, RollbackEvent, RollbackState]
CHAMPION: Final = "aa" * 32
CHALLENGER: Final = "bb" * 32
PROVEN: Final[Mapping[EvidenceName, Examined]] = {OWED: examined(incident())}
INCIDENT: Final = Evidence(path=PROVEN[OWED].reference.path, sha256=PROVEN[OWED].reference.sha256)
ENOUGH: Final = safety_policy().rollback.proving_decisions


def memory() -> Rollback:
    """Return a run without a rollback so far."""
    return Memory(ROLLBACK, ROLLBACK_EVENT)


def trigger(*, cause_id: str = "incident-1", back_to: str | None = CHAMPION) -> TriggerRollback:
    """Return the command that goes back, a second after detection."""
    return TriggerRollback(
        run_id="run-1",
        cause="stop-latch",
        cause_id=cause_id,
        goes_back_to=back_to,
        detected_at_ns=START_NS,
        at_ns=START_NS + SECOND_NS,
    )


def effective(*by: str | None, after_s: int = 4) -> ConfirmEffective:
    """Return the command that says who decided."""
    return ConfirmEffective(
        by=by, at_ns=START_NS + after_s * SECOND_NS, policy=safety_policy().rollback
    )


def judge(stream: Rollback, offered: Mapping[EvidenceName, Examined]) -> ProofJudged:
    """Judge the proof with what is offered."""
    last = stream.state.judged
    command = JudgeProof(
        run_id="run-1",
        judgement=1 if last is None else last.judgement + 1,
        offered=offered,
        at_ns=START_NS,
    )
    (event,) = stream.send(command)
    assert isinstance(event, ProofJudged)
    return event


def recovered() -> Rollback:
    """Return a run that went back and is in force."""
    stream = memory()
    stream.send(trigger())
    stream.send(SwitchBack(control_id="control-1", at_ns=START_NS + 2 * SECOND_NS))
    stream.send(effective(*[CHAMPION] * ENOUGH))
    return stream


def test_without_a_rollback_the_proof_passes_and_cites_nothing() -> None:
    event = judge(memory(), PROVEN)

    assert (event.status, event.reason, event.evidence) == ("pass", "not-triggered", {})
    assert event.recovery_ns is None


def test_rollback_without_evidence_fails() -> None:
    assert judge(recovered(), {}).reason == "evidence-missing"
    assert judge(recovered(), {}).status == "fail"


@pytest.mark.parametrize("fault", [*ReadFault, *EvidenceFault])
def test_evidence_that_is_not_as_it_was_written_fails(fault: ReadFault | EvidenceFault) -> None:
    event = judge(recovered(), {OWED: replace(PROVEN[OWED], fault=fault)})

    assert (event.status, event.reason) == ("fail", "evidence-unverified")
    assert event.evidence == {}


@pytest.mark.parametrize("name", [name for name in get_args(EvidenceName) if name != OWED])
def test_what_is_offered_beside_it_must_be_as_it_was_too(name: EvidenceName) -> None:
    other = examined(gate_evidence("one"), "drift/one.json")
    altered = replace(other, fault=EvidenceFault.WRONG_DIGEST)

    assert judge(recovered(), {**PROVEN, name: altered}).status == "fail"
    assert judge(recovered(), {name: other}).reason == "evidence-missing"
    event = judge(recovered(), {**PROVEN, name: other})
    assert event.status == "pass"
    assert set(event.evidence) == {OWED, name}


def test_rollback_that_is_in_force_and_has_its_evidence_is_proven() -> None:
    event = judge(recovered(), PROVEN)

    assert (event.status, event.reason, event.evidence) == ("pass", "proven", {OWED: INCIDENT})
    assert event.recovery_ns == 4 * SECOND_NS


def test_rollback_that_is_not_in_force_is_not_proven_by_its_evidence() -> None:
    stream = memory()
    stream.send(trigger())

    assert judge(stream, PROVEN).reason == "not-effective"


def test_recovery_is_measured_from_detection_until_effective() -> None:
    (event,) = [one for one in recovered().events() if isinstance(one, RollbackEffective)]

    assert event.recovery_ns == 4 * SECOND_NS
    assert event.decisions == ENOUGH


@pytest.mark.parametrize(
    "by",
    [
        [],
        [CHAMPION] * (ENOUGH - 1),
        [CHALLENGER] + [CHAMPION] * ENOUGH,
        [CHAMPION] * (ENOUGH - 1) + [CHALLENGER, CHAMPION],
        [None] * ENOUGH,
    ],
    ids=["none", "too few", "the first by another", "the last by another", "without a package"],
)
def test_first_decisions_must_all_be_by_what_it_goes_back_to(by: list[str | None]) -> None:
    stream = memory()
    stream.send(trigger())
    stream.send(SwitchBack(control_id="control-1", at_ns=START_NS))

    with pytest.raises(RollbackNotEffectiveError):
        stream.send(effective(*by))
    assert judge(stream, PROVEN).status == "fail"


def test_going_back_to_no_package_is_shown_by_decisions_without_one() -> None:
    stream = memory()
    stream.send(trigger(back_to=None))
    stream.send(SwitchBack(control_id="control-1", at_ns=START_NS))

    assert len(stream.send(effective(*[None] * ENOUGH))) == 1


def test_steps_come_in_their_order() -> None:
    stream = memory()
    with pytest.raises(RollbackStepError):
        stream.send(SwitchBack(control_id="control-1", at_ns=0))
    stream.send(trigger())
    with pytest.raises(RollbackStepError):
        stream.send(effective(*[CHAMPION] * ENOUGH))
    stream.send(SwitchBack(control_id="control-1", at_ns=0))
    with pytest.raises(RollbackStepError):
        stream.send(ConfirmDrained(at_ns=0))
    stream.send(effective(*[CHAMPION] * ENOUGH))
    assert len(stream.send(ConfirmDrained(at_ns=0))) == 1


def test_every_step_is_taken_once() -> None:
    stream = recovered()
    stream.send(ConfirmDrained(at_ns=0))

    for command in (
        trigger(),
        SwitchBack(control_id="control-2", at_ns=0),
        effective(*[CHAMPION] * ENOUGH),
        ConfirmDrained(at_ns=0),
    ):
        assert stream.send(command) == []


def test_another_cause_while_going_back_changes_nothing() -> None:
    stream = memory()
    stream.send(trigger())

    assert stream.send(trigger(cause_id="incident-2")) == []


def test_a_cause_has_one_rollback_whatever_came_after_it() -> None:
    stream = memory()
    for cause in ("incident-1", "incident-2"):
        stream.send(trigger(cause_id=cause))
        stream.send(SupersedeRollback(reason="stop-over", at_ns=START_NS))

    assert stream.state.causes == {"incident-1", "incident-2"}
    assert stream.send(trigger(cause_id="incident-1")) == []


def test_next_rollback_begins_anew_and_owes_its_own_proof() -> None:
    stream = recovered()
    judge(stream, PROVEN)
    stream.send(ConfirmDrained(at_ns=0))
    (event,) = stream.send(trigger(cause_id="incident-2"))
    assert isinstance(event, RollbackTriggered)

    assert event.number == 2
    assert judge(stream, PROVEN).reason == "not-effective"


def test_judgement_that_is_delivered_twice_is_judged_once() -> None:
    stream = recovered()
    command = JudgeProof(run_id="run-1", judgement=1, offered=PROVEN, at_ns=START_NS)

    assert len(stream.send(command)) == 1
    assert stream.send(command) == []
    late = JudgeProof(run_id="run-1", judgement=1, offered={}, at_ns=START_NS)
    with pytest.raises(OutOfOrderError):
        stream.send(late)


def test_pass_without_the_evidence_that_is_owed_cannot_be_written() -> None:
    proven = judge(recovered(), PROVEN).model_dump(mode="json")

    for forged in (
        proven | {"evidence": {}},
        proven | {"triggered": False},
        proven | {"number": 0, "triggered": False},
        proven | {"reason": "not-effective"},
    ):
        with pytest.raises(ValidationError):
            ProofJudged.model_validate(forged)
