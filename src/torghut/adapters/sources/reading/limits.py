"""How much a source may ask of the reader: declared, so that no input decides about memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLimits:
    """Bounds on what is read.

    Attributes:
        line_bytes: A longer line (without its LF) is quarantined, whatever it holds.
        chunk_bytes: Bytes asked of a file or archive at a time.
        expansion_ratio: An archive may expand to so many bytes for each of its own ...
        expansion_floor_bytes: ... once it has expanded to more than this.
        parts: A source of more files is refused: a context numbers its file in 16 bits.
        scanner_from_bytes: A source that expands to less is judged line by line, with the same
            outcome: loading the compiled scanner would take longer.
    """

    line_bytes: int = 65_536
    chunk_bytes: int = 262_144
    expansion_ratio: int = 200
    expansion_floor_bytes: int = 1 << 30
    parts: int = 1 << 16
    scanner_from_bytes: int = 4 << 20
