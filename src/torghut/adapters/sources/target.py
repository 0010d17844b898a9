"""What is opened: a path, the options after it, the instruments declared, and how to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from torghut.adapters.sources.errors import SourceOptionError
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.kernel.native.ports import CodeStore
from torghut.schemas.rows import Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentTiming:
    """What a source must know about a declared instrument.

    Attributes:
        latency_ns: From event to receipt, where the source has no receive time.
    """

    latency_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A source to be opened.

    Attributes:
        path: A file or folder; empty for a source that is not found by path.
        options: What stood after the ``?``, by name.
        instruments: The declared instruments by symbol.
        machine_code: For compiled code; None keeps it in memory.
    """

    path: Path
    options: Mapping[str, str] = field(default_factory=dict)
    instruments: Mapping[str, InstrumentTiming] = field(default_factory=dict)
    limits: ReadLimits = field(default_factory=ReadLimits)
    machine_code: CodeStore | None = None

    def choose(self, allowed: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
        """Return the options, each one known and with a value that it can have.

        Raises:
            SourceOptionError: One is not.
        """
        for name, value in self.options.items():
            if name not in allowed:
                expected = f"one of {', '.join(allowed) or 'no options'}"
                raise SourceOptionError(option=name, expected=expected, found=name)
            if value not in allowed[name]:
                expected = f"one of {', '.join(allowed[name])}"
                raise SourceOptionError(option=name, expected=expected, found=value)
        return self.options

    def symbols(self, *venues: str) -> Sequence[str]:
        """Return the declared symbols of ``venues`` (of all, if none is named), sorted."""
        wanted = tuple(f"{venue}:" for venue in venues) or ("",)
        return sorted(symbol for symbol in self.instruments if symbol.startswith(wanted))

    def latencies(self, symbols: Sequence[str]) -> Integers:
        """Return the declared latency of each symbol in ns, shape (symbols,)."""
        return np.array([self.instruments[symbol].latency_ns for symbol in symbols], np.int64)
