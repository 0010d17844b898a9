"""The composition root of the process that asks for advice; importing it takes seconds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from torghut.adapters.dspy.program import configure
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.filesystem.turns import TurnTakenError, held
from torghut.adapters.reasoning.calling import EndpointCaller
from torghut.adapters.reasoning.keeping import ArtifactRecords
from torghut.adapters.reasoning.listening import listening
from torghut.adapters.reasoning.passage_file import PassageFile
from torghut.adapters.reasoning.saying import AskingLines
from torghut.adapters.system.clock import MonotonicClock, SystemClock
from torghut.artifacts.package import Package
from torghut.carrying.ports import TopicReader
from torghut.composition.advice.endpoint import endpoint_of
from torghut.composition.advice.ledger import asking_policy, held_asking_events
from torghut.composition.advice.serving import served
from torghut.composition.advice.settings import EndpointAccess
from torghut.reasoning.ledger import asking_decider
from torghut.reasoning.shelf import PassageShelf
from torghut.schemas.declarations.governance import AskingTerms
from torghut.schemas.reasoning.context import Passage
from torghut.settings import artifact_dir
from torghut.workflows.carrying.terms import CarriedTopics
from torghut.workflows.reasoning.advising import AdvisingDesk
from torghut.workflows.reasoning.following import PassageTopic
from torghut.workflows.reasoning.ledger import AskingLedger

_LET_GO_S: Final = 5.0
_LOOK_S: Final = 0.1
_CAUGHT_UP_S: Final = 10.0
"""Longest wait for the news that is there; then questions are answered without the rest of it."""
_LOCK: Final = "asking.lock"
"""File that whoever writes the ledger holds, below the folder of artifacts."""


@asynccontextmanager
async def _turn() -> AsyncIterator[None]:
    """Hold the ledger; whoever had it may need a moment to let go.

    Raises:
        TurnTakenError: It does not let go.
    """
    with ExitStack() as stack:
        until = asyncio.get_running_loop().time() + _LET_GO_S
        while True:
            try:
                stack.enter_context(held(artifact_dir() / _LOCK))
                break
            except TurnTakenError:
                if asyncio.get_running_loop().time() > until:
                    raise
            await asyncio.sleep(_LOOK_S)
        yield


_PassagesOf = Callable[[str, int], Awaitable[Sequence[Passage]]]
"""Finds what may be shown of a symbol as of an event."""


@asynccontextmanager
async def _passages(
    place: Path | TopicReader | None, age_max_ms: int, witness: AskingLines
) -> AsyncIterator[_PassagesOf]:
    """Give what finds news and fundamentals."""
    if place is None or isinstance(place, Path):
        yield PassageFile(place, age_max_ms=age_max_ms, witness=witness).of
    else:
        async with _followed(place, age_max_ms, witness) as found:
            yield found


@asynccontextmanager
async def _followed(
    reader: TopicReader, age_max_ms: int, witness: AskingLines
) -> AsyncIterator[_PassagesOf]:
    """Give what finds them in their topic, and let go of the broker at the end."""
    shelf, topic = PassageShelf(age_max_ms=age_max_ms), CarriedTopics().passages
    passages = PassageTopic(reader=reader, topic=topic, shelf=shelf, witness=witness)
    following = asyncio.ensure_future(passages.follow())
    try:
        try:
            async with asyncio.timeout(_CAUGHT_UP_S):
                await passages.caught_up.wait()
        except TimeoutError:
            witness.unread(topic, f"more than is read in {_CAUGHT_UP_S:g} s")
        yield passages.of
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
        await reader.close()


@asynccontextmanager
async def advising(
    access: EndpointAccess,
    terms: AskingTerms,
    socket: Path,
    *,
    passages: Path | TopicReader | None,
    package: Package | None,
) -> AsyncIterator[AdvisingDesk]:
    """Answer questions on a Unix socket while the block lasts.

    Args:
        access: Where the endpoint is.
        terms: What asking may cost.
        socket: Made; of this user alone.
        passages: File of news and fundamentals, or what reads their topic; None for none.
        package: Of the program; None for the uncompiled one.

    Raises:
        AdviceProgramInvalidError: The package holds none for this model, or another one here.
        OSError: It cannot listen there, or a certificate cannot be read.
        TurnTakenError: Another process asks, and writes the ledger, already.
        LogReadError: What was asked before cannot be read.
        LogWriteError: What is asked cannot be recorded.
    """
    configure()
    steady = MonotonicClock()
    witness = AskingLines()
    async with (
        _passages(passages, terms.passage_age_ms, witness) as passages_of,
        _turn(),
        held_asking_events() as events,
    ):
        caller = EndpointCaller(endpoint_of(access), steady)
        ledger = AskingLedger(
            store=events,
            decider=asking_decider(asking_policy(terms)),
            wall=SystemClock(),
            witness=witness,
        )
        desk = AdvisingDesk(
            program=await served(package, caller, access.model, steady),
            ledger=ledger,
            confidence_min=terms.confidence_min,
            passages=passages_of,
            steady=steady,
            witness=witness,
            keeper=ArtifactRecords(FolderArtifacts(artifact_dir())),
        )
        try:
            await ledger.open()
            async with listening(desk, socket):
                yield desk
        finally:
            await ledger.settled()
            await caller.close()
