"""Parquet in the documented layout: the columns of the CSV, typed.

Timestamps say their own unit; one without zone is taken as UTC. Cells that are out of the ordinary
are judged as the text that a CSV would hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from typing_extensions import override

from torghut.adapters.sources.decoding.page import Mask, Page
from torghut.adapters.sources.decoding.times import LATEST_NS, PLAUSIBLE_NS, TimeForm
from torghut.adapters.sources.decoding.verdicts import Verdict
from torghut.adapters.sources.errors import SourceArchiveError, SourceCursorError, SourceLayoutError
from torghut.adapters.sources.layout import (
    COLUMNS,
    EVENT_TIME,
    RECEIVE_TIME,
    SEQUENCE,
    STREAM,
    STREAMS,
    SYMBOL,
    VALUES,
    Layout,
    judge_cells,
)
from torghut.adapters.sources.reading.files import (
    InputFile,
    digest_file,
    find_files,
    open_unchanged,
)
from torghut.adapters.sources.tablerows import Columns, compose_columns
from torghut.adapters.sources.tables import SAMPLE_RECORDS, Table, plan_layout
from torghut.adapters.sources.target import Target
from torghut.market.ports import Batch, Cursor, Source, SourceDescription, SourcePart
from torghut.schemas.codes import RefusalCode
from torghut.schemas.rows import Floats, Integers
