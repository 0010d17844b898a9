"""Rows of blocks as a Parquet file: exactly their columns, bytes as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from torghut.adapters.postgres.layout import BlockRow

_TYPES: Final = {
    "partition": pa.int32(),
    "number": pa.int64(),
    **dict.fromkeys(("previous", "digest", "cursor", "cites", "arms"), pa.string()),
    **dict.fromkeys(("header", "records", "inputs", "leaves", "rows"), pa.binary()),
}
_SCHEMA: Final = pa.schema([pa.field(name, kind, nullable=False) for name, kind in _TYPES.items()])


def pack(rows: Sequence[BlockRow]) -> bytes:
    """Return the file with ``rows``; the same rows give the same bytes."""
    columns = {name: [getattr(row, name) for row in rows] for name in _TYPES}
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.table(columns, schema=_SCHEMA),
        sink,
        compression="zstd",
        use_dictionary=False,
        write_statistics=False,
    )
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def unpack(body: bytes) -> Sequence[BlockRow]:
    """Return the rows in a file.

    Raises:
        ValueError: It is no such file.
    """
    try:
        found: Any = pq.read_table(pa.BufferReader(body), schema=_SCHEMA)
        columns = [found.column(name).to_pylist() for name in _TYPES]
    except (pa.ArrowException, OSError) as error:
        raise ValueError(str(error).partition("\n")[0]) from error
    return [
        BlockRow(**dict(zip(_TYPES, values, strict=True))) for values in zip(*columns, strict=True)
    ]
