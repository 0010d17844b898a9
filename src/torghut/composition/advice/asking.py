"""The composition root of the process that asks for advice; importing it takes seconds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from torghut.adapters.dspy.program import DspyProgram, configure
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.reasoning.calling import Endpoint, EndpointCaller
from torghut.adapters.reasoning.keeping import ArtifactRecords
from torghut.adapters.reasoning.listening import listening
from torghut.adapters.reasoning.passage_file import PassageFile
from torghut.adapters.reasoning.saying import BreakerLines
from torghut.adapters.system.clock import MonotonicClock
from torghut.composition.advice.settings import EndpointAccess
from torghut.kernel.units import NS_PER_MS
from torghut.reasoning.breaker import BreakerPolicy
from torghut.reasoning.spending import Spending, SpendingPolicy
from torghut.schemas.declarations.governance import AskingTerms
from torghut.schemas.reasoning.record import ModelParameters
from torghut.settings import artifact_dir
from torghut.workflows.reasoning.advising import AdvisingDesk


@asynccontextmanager
async def advising(
    access: EndpointAccess, terms: AskingTerms, socket: Path, passages: Path | None
) -> AsyncIterator[AdvisingDesk]:
    """Answer questions on a Unix socket while the block lasts.

    Args:
        access: Where the endpoint is.
        terms: What asking may cost.
        socket: Made; of this user alone.
        passages: File of news and fundamentals; None for none.

    Raises:
        OSError: It cannot listen there, or a certificate cannot be read.
    """
    configure()
    steady = MonotonicClock()
    caller = EndpointCaller(
        Endpoint(url=access.url, key=access.key, ca_file=access.authorities), steady
    )
    desk = AdvisingDesk(
        program=DspyProgram(caller, ModelParameters(model=access.model), steady),
        spending=Spending(
            policy=SpendingPolicy(
                calls_per_hour=terms.calls_per_hour,
                tokens_per_hour=terms.tokens_per_hour,
                tokens_per_question=terms.tokens_per_question,
                at_once=terms.at_once,
            )
        ),
        breaking=BreakerPolicy(
            failures=terms.breaker.failures,
            open_ns=terms.breaker.open_ms * NS_PER_MS,
            open_max_ns=terms.breaker.open_max_ms * NS_PER_MS,
        ),
        confidence_min=terms.confidence_min,
        passages=PassageFile(passages, age_max_ms=terms.passage_age_ms).of,
        steady=steady,
        witness=BreakerLines(),
        keeper=ArtifactRecords(FolderArtifacts(artifact_dir())),
    )
    try:
        async with listening(desk, socket):
            yield desk
    finally:
        await caller.close()
