"""The composition root of a probe: one labelled call, made as every question is asked."""

from __future__ import annotations

from torghut.adapters.dspy.program import DspyProgram, configure
from torghut.adapters.reasoning.calling import EndpointCaller
from torghut.adapters.reasoning.reaching import ReachedEndpoint
from torghut.adapters.system.clock import MonotonicClock
from torghut.composition.advice.endpoint import endpoint_of
from torghut.composition.advice.settings import EndpointAccess
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.reasoning.context import AdviceContext
from torghut.schemas.reasoning.record import ModelParameters
from torghut.workflows.reasoning.probing import Probe, Probed


async def probe(access: EndpointAccess, *, budget_ms: int) -> Probed:
    """Return how far the endpoint is reached, within a budget over all of it."""
    configure()
    steady = MonotonicClock()
    endpoint = endpoint_of(access)
    caller = EndpointCaller(endpoint, steady)
    program = DspyProgram(caller, ModelParameters(model=access.model), steady)

    async def ask(shown: AdviceContext, deadline_ns: int) -> str:
        answer, tokens = await program.first_step(shown, deadline_ns=deadline_ns)
        used = "it does not say how many tokens" if tokens is None else f"{tokens:,} tokens"
        return f"signal: {answer.stance}, {used}"

    try:
        reached = ReachedEndpoint(endpoint, ask, steady)
        probing = Probe(endpoint=reached, keyed=bool(access.key), steady=steady)
        return await probing.run(deadline_ns=steady.now_ns() + budget_ms * NS_PER_MS)
    finally:
        await caller.close()
