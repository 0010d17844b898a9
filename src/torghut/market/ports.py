"""Where market contexts come from: a stream of batches that can be taken up again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from torghut.kernel.errors import TorghutError
from torghut.schemas.codes import RefusalCode
from torghut.schemas.control import ControlRecord

ContextArray = npt.NDArray[np.void]
"""Shape (n,), dtype ``torghut.schemas.rows.CONTEXT``."""


class SourceError(TorghutError):
    """A source itself cannot be opened or read on; a bad record never is the reason."""

    code: ClassVar[str] = "market.source-error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """A place between two records of a source, from which reading goes on.

    Attributes:
        part: Index of the file or feed within the source, in reading order.
        record: Records of that part already read, good or bad.
        offset: Bytes of the (uncompressed) part already read; only a hint for speed.
        beside: By name, how far other inputs were taken that are read beside it, such as the
            topics that bring control records.
    """

    part: int = 0
    record: int = 0
    offset: int = 0
    beside: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A record that is no context at all; kept with enough to find and recognise it.

    Attributes:
        part: Index of the file or feed.
        record: Ordinal of the record in it, from 0.
        refusal: Why; never ``RefusalCode.NONE``.
        digest: sha256 of the record's bytes as found, 64 hex digits.
        excerpt: Its first bytes, at most 120 characters, printable.
    """

    part: int
    record: int
    refusal: RefusalCode
    digest: str
    excerpt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A control record and where in a batch it came.

    Attributes:
        row: Index of the first context of the batch that came after it; ``len(contexts)`` if none.
        record: The record itself.
        refusal: Why it cannot hold, where whoever brings it knows what the fold cannot; else empty.
    """

    row: int
    record: ControlRecord
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Consecutive records of a source, and where reading goes on after them.

    Attributes:
        contexts: In reading order. The array may be reused: it is valid until the next batch.
        quarantined: Records that could not be made into a context.
        controls: Control records found in the stream, in order.
        refused: What the contexts with a ``refusal`` looked like, in their order; for people.
        cursor: The place after the last record of this batch.
    """

    contexts: ContextArray
    quarantined: Sequence[Quarantined] = ()
    controls: Sequence[Arrival] = ()
    refused: Sequence[Quarantined] = ()
    cursor: Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePart:
    """One file or feed of a source.

    Attributes:
        name: What people call it: a file name, never a whole path.
        digest: sha256 of the file's bytes, or of the feed's declaration; 64 hex digits.
        bytes_total: Its size when expanded, to show progress by ``Cursor.offset``; 0 where unknown.
        records_total: Its number of records where known without reading it, else 0.
    """

    name: str
    digest: str
    bytes_total: int = 0
    records_total: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDescription:
    """What a source is and what is assumed about it, for people and for the log.

    Attributes:
        kind: Name of the layout, such as ``lean-tick``.
        parts: Its files or feeds in reading order.
        symbols: The declared instruments that it can name, in the order it numbers them.
        columns: Column or field names as found.
        assumptions: Zone, units, receive time: ``{"zone": "America/New_York", ...}``.
        licence: Licence of the data where known.
    """

    kind: str
    parts: Sequence[SourcePart]
    symbols: Sequence[str]
    columns: Sequence[str]
    assumptions: Mapping[str, str]
    licence: str = ""


class Source(Protocol):
    """A recorded or live stream of market contexts.

    ``contexts["symbol"]`` numbers ``description.symbols`` and ``contexts["source"]`` numbers
    ``description.parts``; the loop translates both into its own tables. Reading is streaming
    and in constant memory, whatever the input.
    """

    @property
    def description(self) -> SourceDescription:
        """What this source is; the digests of its parts are computed before reading starts."""
        ...

    def batches(self, *, after: Cursor, max_records: int) -> Iterator[Batch]:
        """Yield the records after ``after`` in order, at most ``max_records`` a batch.

        Every record of the input is in exactly one batch, as a context, as quarantined or as
        a control record. A bad record never ends the iteration.

        Raises:
            SourceError: The source itself cannot be read (gone, no permission, broken archive).
        """
        ...
