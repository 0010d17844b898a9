"""A worker's status as JSON that fits its page, however much there is to say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from torghut.schemas.live.worker import WorkerStatus

_CUTS: Final = ((200, 16), (80, 8), (80, 4), (80, 2), (80, 1), (66, 0))
"""Most letters of a text, most entries of a list: names and digests stay whole to the last."""

_NEWEST_LAST: Final = "acknowledged"
_WHOLE: Final = "durable_within"


def page_text(status: WorkerStatus, limit: int) -> bytes:
    """Return ``status`` as JSON of at most ``limit`` bytes; what is too much is cut short."""
    text = status.model_dump_json().encode()
    for letters, entries in _CUTS:
        if len(text) <= limit:
            break
        cut = _cut(status.model_dump(mode="json"), letters, entries)
        text = json.dumps(cut, ensure_ascii=False, separators=(",", ":")).encode()
    return text


def _cut(value: Any, letters: int, entries: int) -> Any:  # noqa: ANN401 - JSON is what it is
    """Return a JSON value with shorter texts and lists, of the newest where they are in order."""
    match value:
        case str():
            return value[:letters]
        case list():
            return [_cut(one, letters, entries) for one in value[:entries]]
        case Mapping():
            return {name: _cut_of(name, one, letters, entries) for name, one in value.items()}
        case _:
            return value


def _cut_of(name: str, value: Any, letters: int, entries: int) -> Any:  # noqa: ANN401 - as above
    """Return a field, cut: of acknowledgements the newest stay, and no fewer than eight."""
    if name == _NEWEST_LAST:
        return value[-8:]
    if name == _WHOLE:
        return value  # of counts some say nothing
    if name == "packages":
        return dict(list(value.items())[:entries])
    return _cut(value, letters, entries)
