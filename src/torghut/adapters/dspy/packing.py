"""From a package to a module that is served, and from a module to what is kept of it.

A compiled program is text: what each step is told, and examples of it. It is kept as that, never as
pickled objects, and rendered again at every load to see whether it is still the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

import dspy
from typing_extensions import override

from torghut.adapters.dspy.program import CommitteeModule, DspyProgram
from torghut.adapters.dspy.signatures import SHOWN, signature_of
from torghut.kernel.canonical import JsonObject, canonical_bytes, canonical_text
from torghut.kernel.clock import SteadyClock
from torghut.reasoning.program import AdviceProgram
from torghut.schemas.reasoning.program import Demo, ProgramFile, StepProgram
from torghut.schemas.reasoning.record import ModelParameters
from torghut.schemas.reasoning.steps import STEPS, StepName, steps_before
from torghut.workflows.reasoning.ports import NEVER_NS, Caller, Transcript
from torghut.workflows.reasoning.probing import PROBE


def module_of(program: AdviceProgram) -> CommitteeModule:
    """Return the module that a package describes."""
    module = CommitteeModule()
    for step, one in program.steps.items():
        predictor = getattr(module, step)
        predictor.signature = signature_of(step, one.instructions)
        predictor.demos = [dspy.Example(**demo.given, **demo.answer) for demo in one.demos]
    return module


def program_file(module: CommitteeModule, optimizer: str) -> ProgramFile:
    """Return what a module is, as it is kept."""
    return ProgramFile.model_validate(
        {"optimizer": optimizer, "steps": [_step(module, step) for step in STEPS]}
    )


async def renderings(
    module: CommitteeModule, parameters: ModelParameters, steady: SteadyClock
) -> Mapping[StepName, str]:
    """Return the digest of each step's request for a fixed question with fixed answers."""
    transcript = Transcript()
    program = DspyProgram(_Canned(parameters.model), parameters, steady, module)
    await program.think(PROBE, deadline_ns=NEVER_NS, transcript=transcript)
    return {call.step: call.request for call in transcript.calls}


class _Canned(Caller):
    """Answers each step with the same, so that requests can be rendered without an endpoint."""

    def __init__(self, model: str) -> None:
        self._model = model

    @override
    async def call(self, body: bytes, *, step: str, deadline_ns: int) -> bytes:
        answer = _ANSWERS[cast("StepName", step)]
        content = canonical_text(answer)
        message: JsonObject = {"role": "assistant", "content": content}
        return canonical_bytes(
            {"model": self._model, "choices": [{"message": message, "finish_reason": "stop"}]}
        )


_CITED: Final = ["note:probe"]
_ANSWERS: Final[Mapping[StepName, JsonObject]] = {
    "signal": {"stance": "flat", "strength": 0.0, "summary": "none", "citations": _CITED},
    "counter": {"objection": "none", "severity": 0.0, "citations": _CITED},
    "risk": {
        "veto": False,
        "exposure_factor": 1.0,
        "flags": [],
        "rationale": "none",
        "citations": _CITED,
    },
    "advice": {
        "verdict": "defer",
        "factor": None,
        "confidence": 0.5,
        "rationale": "none",
        "risk_flags": [],
        "abstain_reason": "a probe",
        "citations": _CITED,
    },
}


def _step(module: CommitteeModule, step: StepName) -> StepProgram:
    """Return one step as it is kept."""
    predictor = getattr(module, step)
    return StepProgram(
        step=step,
        instructions=predictor.signature.instructions,
        demos=tuple(_demo(step, one) for one in predictor.demos),
    )


def _demo(step: StepName, one: Mapping[str, Any]) -> Demo:
    """Return an example as it is kept."""
    answer = STEPS[step].model_validate({name: one[name] for name in STEPS[step].model_fields})
    return Demo(
        given={name: one[name] for name in (SHOWN, *steps_before(step))},
        answer=answer.model_dump(mode="json"),
    )
