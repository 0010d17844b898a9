"""Where the records of questions are kept: among the artifacts, on a thread that may wait."""

from __future__ import annotations

import asyncio

from typing_extensions import override

from torghut.artifacts.ports import ArtifactStore
from torghut.schemas.reasoning.record import AdviceRecord
from torghut.workflows.reasoning.ports import RecordKeeper
from torghut.workflows.reasoning.recording import keep_record


class ArtifactRecords(RecordKeeper):
    """Keeps records below an artifact root.

    Args:
        store: Of artifacts.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store

    @override
    async def keep(self, record: AdviceRecord) -> str:
        return await asyncio.to_thread(keep_record, self._store, record)
