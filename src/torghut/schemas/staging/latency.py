"""Latency on record: how many outcomes a worker's process had made durable within which time."""

from __future__ import annotations

import math
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from torghut.schemas.live.worker import OutcomesWithin
from torghut.schemas.observing.catalogue import INGRESS_TO_DURABLE
from torghut.schemas.types import Identifier, Message, Nanoseconds, SafeCount

BOUNDS_S: Final = (*INGRESS_TO_DURABLE.buckets, math.inf)
"""Upper bounds in seconds, ascending, of what is counted in worker pages and in the events here.

Neither states them: other bounds need another version of both.
"""


class LatencyRead(Message):
    """What a process had counted by then; it is told when it counted more than before."""

    type: Literal["slo.latency-read.v1"] = "slo.latency-read.v1"
    worker: Annotated[Identifier, Field(description="Whose page said so.")]
    pid: SafeCount
    started_ns: Annotated[
        Nanoseconds, Field(description="Wall time; with worker and pid it names the process.")
    ]
    counts: OutcomesWithin
    at_ns: Annotated[Nanoseconds, Field(description="When the page was read.")]


LATENCY_EVENT: TypeAdapter[LatencyRead] = TypeAdapter(LatencyRead)
"""Parses any event of the latency readings."""
