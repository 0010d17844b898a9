"""Every event of a governance, read as anybody may read it: by stream, as it was written."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from torghut.adapters.sqlite.sharing.events import EVENTS_ALONE
from torghut.adapters.sqlite.store import read_log
from torghut.composition.standby import GOVERNANCE_LOG
from torghut.eventlog.envelopes import Envelope
from torghut.eventlog.errors import HeadsFileMissingError, LogMissingError, LogReadError

_READS_MAX: Final = 5
_PAUSE_S: Final = 0.01
"""How often, and how far apart, a log is read that its writer is just making or leaving."""

Event = Mapping[str, Any]
Events = Mapping[str, Sequence[Envelope]]
"""Of each stream, in order."""


def events_of(root: Path) -> Events:
    """Return every event of the governance whose artifacts are below ``root``; none if none is."""
    for left in range(_READS_MAX - 1, -1, -1):
        try:
            return asyncio.run(_read(root / GOVERNANCE_LOG))
        except (HeadsFileMissingError, LogReadError):
            if not left:
                raise
            time.sleep(_PAUSE_S)
    raise AssertionError  # the last attempt returned or raised


async def _read(path: Path) -> Events:
    """Return every event of a log, which is opened once: there may be hundreds of streams."""
    try:
        log = read_log(path, options=EVENTS_ALONE)
    except LogMissingError:
        return {}
    try:
        return {name: await log.read_events(name) for name in await log.streams("")}
    finally:
        await log.close()


def said(envelopes: Sequence[Envelope], *kinds: str) -> list[Event]:
    """Return the events of these types, in order; of all types if none is named."""
    return [json.loads(one.body) for one in envelopes if not kinds or one.type in kinds]


def check_continued(before: Events, root: Path) -> Events:
    """Check that nothing that was on record has changed since, and return what is now."""
    now = events_of(root)
    for stream, envelopes in before.items():
        kept = [one.digest for one in now[stream][: len(envelopes)]]
        assert kept == [one.digest for one in envelopes], stream
    return now
