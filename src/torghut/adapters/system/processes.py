"""Other processes of this installation: the command line itself, run as a child."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from torghut.kernel.errors import ExitCode
from torghut.kernel.units import MS_PER_S

_LOOK_S: Final = 0.5
_POLL_S: Final = 0.001
_FAULT_LETTERS: Final = 300
_COMMAND: Final = "from torghut.entrypoints.cli import main; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """A command line that runs beside this process.

    Attributes:
        process: The operating system's.
    """

    process: subprocess.Popen[str]

    @property
    def status(self) -> int | None:
        """Return the exit status, negative for a signal; None while it runs."""
        return self.process.poll()

    def kill(self) -> None:
        """End it at once: it gets no chance to finish anything."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        """Ask it to end, and wait until it has."""
        self.process.terminate()
        self.process.wait()

    def next_line(self) -> str:
        """Wait for the next line that it prints and return it; empty once it prints no more."""
        return "" if self.process.stdout is None else self.process.stdout.readline()

    def wait_while(self, condition: Callable[[], bool]) -> None:
        """Wait as long as it runs and ``condition`` holds; asked every millisecond."""
        while self.status is None and condition():
            time.sleep(_POLL_S)

    def result(self) -> tuple[str, str]:
        """Wait for its end and return what it printed, and what it complained of."""
        return self.process.communicate()


@contextlib.contextmanager
def child_command(arguments: Sequence[str]) -> Iterator[Child]:
    """Yield the ``torghut`` command with ``arguments``, running; it does not outlive the block."""
    with subprocess.Popen(  # noqa: S603 - this installation's own command, arguments from code
        _python(_COMMAND, *arguments),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        child = Child(process=process)
        try:
            yield child
        finally:
            if child.status is None:
                child.kill()


def own_command(*arguments: str) -> Sequence[str]:
    """Return how to run the ``torghut`` command of this installation with ``arguments``."""
    return _python(_COMMAND, *arguments)


async def run_own_command(arguments: Sequence[str], *, budget_ms: int) -> str:
    """Run the ``torghut`` command with ``arguments`` as a child, to its end.

    Args:
        arguments: Of the command.
        budget_ms: After which it is killed.

    Returns:
        What kept it from a yes or a no; empty where nothing did.
    """
    try:
        child = await asyncio.create_subprocess_exec(
            *own_command(*arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:  # no memory, no more processes
        return f"not started: {error}"
    try:
        async with asyncio.timeout(budget_ms / MS_PER_S):
            _, said = await child.communicate()
    except TimeoutError:
        return f"killed after {budget_ms} ms"
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    if child.returncode in (ExitCode.YES, ExitCode.NO):
        return ""
    last = said.decode(errors="replace").strip().splitlines()[-1:]
    return f"exit status {child.returncode}: {' '.join(last)[:_FAULT_LETTERS]}"


def run_python(codes: Sequence[str], waiting: Callable[[float], None]) -> Sequence[int]:
    """Run each of ``codes`` in a child process of its own, beside the others.

    Args:
        codes: Python source.
        waiting: Told every half second how many seconds they have taken so far.

    Returns:
        Their exit statuses.
    """
    begin = time.monotonic()
    with contextlib.ExitStack() as running:
        children = [
            running.enter_context(subprocess.Popen(_python(code)))  # noqa: S603 - code of ours
            for code in codes
        ]
        return [_status(child, begin, waiting) for child in children]


def _status(child: subprocess.Popen[bytes], begin: float, waiting: Callable[[float], None]) -> int:
    """Wait for the end of a child, and return its exit status."""
    while True:
        try:
            return child.wait(timeout=_LOOK_S)
        except subprocess.TimeoutExpired:
            waiting(time.monotonic() - begin)


def _python(code: str, *arguments: str) -> Sequence[str]:
    """Return how to run ``code`` with this interpreter; the working folder brings no modules."""
    return (sys.executable, "-P", "-c", code, *arguments)
