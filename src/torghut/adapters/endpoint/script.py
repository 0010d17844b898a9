"""What a misbehaving endpoint does with each request, as people write it.

``good,slow:200*3,reset`` answers the first request well, the next three 200 ms late and resets the
fifth; then it begins again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import ClassVar, Final

from torghut.kernel.errors import ExitCode, TorghutError

_STEP: Final = re.compile(r"([a-z][a-z0-9-]{0,39})(?::([0-9]{1,7}))?(?:\*([0-9]{1,6}))?", re.ASCII)
_SHOWN: Final = 60


class ScriptMalformedError(TorghutError):
    """A script of faults cannot be read, or names a fault that there is not."""

    code: ClassVar[str] = "endpoint.script-malformed"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, found: str, known: Iterable[str]) -> None:
        super().__init__(
            "expected faults such as good,slow:200*3,reset, each one of "
            f"{', '.join(sorted(known))}; found {found[:_SHOWN]!r}"
        )
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done with one request.

    Attributes:
        fault: Its name.
        ms: Of whatever takes time; None for the fault's own.
    """

    fault: str
    ms: int | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """Steps for ever: after the last comes the first."""

    steps: tuple[tuple[Step, int], ...]

    def __iter__(self) -> Iterator[Step]:
        """Yield the step of each request."""
        while True:
            yield from chain.from_iterable(repeat(step, times) for step, times in self.steps)


def parse_script(text: str, known: Iterable[str]) -> Script:
    """Return the script that ``text`` spells.

    Args:
        text: Steps, separated by commas or line feeds; what follows ``#`` is a comment.
        known: Names of all faults.

    Raises:
        ScriptMalformedError: It spells none.
    """
    names = frozenset(known)
    lines = (line.partition("#")[0] for line in text.splitlines())
    words = [word.strip() for line in lines for word in line.split(",") if word.strip()]
    steps: list[tuple[Step, int]] = []
    for word in words:
        match = _STEP.fullmatch(word)
        if match is None or match[1] not in names or int(match[3] or 1) == 0:
            raise ScriptMalformedError(found=word, known=names)
        step = Step(fault=match[1], ms=None if match[2] is None else int(match[2]))
        steps.append((step, int(match[3] or 1)))
    if not steps:
        raise ScriptMalformedError(found=text, known=names)
    return Script(tuple(steps))
