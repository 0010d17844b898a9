"""The command line of this installation as a process beside the service."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from typing_extensions import override

from torghut.adapters.system.processes import own_command
from torghut.workflows.live.beside.errors import CompanionNotStartedError
from torghut.workflows.live.beside.ports import Companion

_LETTERS: Final = 300
_LOOK_S: Final = 0.1
_LAST_WORDS_S: Final = 2.0
_LINE_BYTES: Final = 65_536


class OwnCompanion(Companion):
    """A ``torghut`` command that runs in a session of its own.

    Its standard input stays open as long as this process lives, which is how it can notice that
    nobody is left to end it.

    Args:
        process: As it was started.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._last: deque[str] = deque(maxlen=1)

    @property
    @override
    def pid(self) -> int:
        return self._process.pid

    @override
    async def ended(self) -> int:
        reading = asyncio.ensure_future(self._read())
        try:
            # Not wait() alone: that waits for its pipes too, which what it started may hold.
            while self._process.returncode is None:  # noqa: ASYNC110 - a process sets no event
                await asyncio.sleep(_LOOK_S)
            self.kill()  # what it started has nobody left to answer to
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_WORDS_S):
                    await asyncio.shield(reading)
                    await self._process.wait()
            return self._process.returncode
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self) -> None:
        """Keep the last line of standard error, to its end."""
        stderr = self._process.stderr
        while stderr is not None:
            try:
                line = await stderr.readline()
            except ValueError:  # a line without end: what of it was too long is gone
                continue
            if not line:
                return
            if said := line.decode(errors="replace").strip():
                self._last.append(said[:_LETTERS])

    @override
    def complaint(self) -> str:
        return self._last[0] if self._last else ""

    @override
    def ask_to_end(self) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()

    @override
    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)


async def start_companion(arguments: Sequence[str]) -> Companion:
    """Start the ``torghut`` command with ``arguments``.

    Raises:
        CompanionNotStartedError: The machine has no process to give.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *own_command(*arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            limit=_LINE_BYTES,
        )
    except OSError as error:
        raise CompanionNotStartedError(found=error.strerror or str(error)) from error
    return OwnCompanion(process)
