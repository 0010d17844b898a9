"""What a log's file holds besides chains and events, by name: for those who copy all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

from typing_extensions import override

from torghut.adapters.sqlite.database import DEFAULTS, open_for_reading
from torghut.adapters.sqlite.faults import reading_of
from torghut.adapters.sqlite.reader import Reader
from torghut.workflows.moving import LogContents

T = TypeVar("T")


class FileContents(LogContents):
    """The contents of the log at ``path``, which exists."""

    def __init__(self, path: Path) -> None:
        with reading_of(path):
            self._driver = open_for_reading(path, busy_budget_ms=DEFAULTS.busy_budget_ms)
        self._reader = Reader(path, self._driver)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="torghut-log-contents")

    @override
    async def object_digests(self, after: str, limit: int, /) -> Sequence[str]:
        return await self._read(lambda: [*islice(self._reader.object_digests(after), limit)])

    @override
    async def snapshot_keys(self) -> Sequence[tuple[int, str]]:
        return await self._read(self._reader.snapshot_keys)

    async def close(self) -> None:
        """Let go of the file."""
        await self._read(self._driver.close)
        self._thread.shutdown()

    async def _read(self, ask: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, ask)
