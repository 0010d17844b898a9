"""Records: what one run measured, where and with what, as JSON that reads back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from benchmarks.figures import Line, Result, Skipped, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What one measurement yielded.

    Attributes:
        name: By which it is asked for.
        about: What it measures, in one sentence.
        results: Its figures, or why there are none.
    """

    name: str
    about: str
    results: tuple[Result, ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its figures."""
        return tuple(result for result in self.results if isinstance(result, Line))

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What could not be measured."""
        return tuple(result for result in self.results if isinstance(result, Skipped))


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run of the benchmarks.

    Attributes:
        measured_on: The day, UTC, as ``2014-05-02``.
        commit: What was checked out; empty where git does not say.
        rounds: How often each thing was measured.
        quick: Whether what takes minutes was left out.
        machine: Names of the machine's parts and its state, by what they are.
        versions: Of what does the work, by name.
        groups: The measurements, in the order made.
    """

    measured_on: str
    commit: str
    rounds: int
    quick: bool
    machine: dict[str, str]
    versions: dict[str, str]
    groups: tuple[Group, ...]

    @property
    def results(self) -> tuple[Result, ...]:
        """All results, in the order made."""
        return tuple(result for group in self.groups for result in group.results)

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What could not be measured, in the order asked for."""
        return tuple(one for group in self.groups for one in group.skipped)

    @property
    def lines(self) -> tuple[Line, ...]:
        """All figures, in the order made."""
        return tuple(line for group in self.groups for line in group.lines)

    @property
    def missed(self) -> tuple[Line, ...]:
        """The figures that miss a goal or an aim."""
        return tuple(
            line for line in self.lines if line.verdict in {Verdict.MISSED, Verdict.AIM_MISSED}
        )


RECORDED: Final = Path(__file__).resolve().parent / "results" / "recorded.json"
"""The record that the reference page shows."""

_RECORD: Final = TypeAdapter(Record)


def record_json(record: Record) -> str:
    """Return ``record`` as JSON."""
    return _RECORD.dump_json(record, indent=2).decode() + "\n"


def read_record(text: str) -> Record:
    """Return the record that ``record_json`` wrote.

    Raises:
        pydantic.ValidationError: The text is no such record.
    """
    return _RECORD.validate_json(text)
