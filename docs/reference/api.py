"""The reference page of the API: every path with its role, and what goes up and down the stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from torghut.entrypoints.api.rest.routes import ROUTES, Route

_HEAD: Final = """\
# API

Written by `make docs` from the code. `torghut serve` answers on 127.0.0.1:8787 unless told
otherwise. [`schemas/openapi/live.v1.json`](../../schemas/openapi/live.v1.json) describes every
parameter, body and answer; `GET /openapi.json` gives the same document.

"""

_TAIL: Final = """
- **Who asks.** `Authorization: Bearer TOKEN`, in the header and nowhere else; see
  [giving access](../how-to/give-access.md). `report` and `operate` both include `read`, neither
  includes the other. Of `POST /v1/controls`, fills, orders, positions, news and fundamentals need
  `report`, all other records `operate`.
- **What comes.** One JSON object as `application/json`, or one a line as `application/x-ndjson`.
  All lines of a request are taken, or none.
- **What is answered.** JSON, or JSON lines. Whatever is refused is a `live.fault.v1` with a code of
  [the page of errors](errors.md); `retry_after_ms` says when the same may be taken, null that it
  never will.
- **How much.** `governance/policies/live.yaml` bounds bodies, records, requests a second, open
  connections and the time that a request and an answer may take. 413, 429, 408 and 504 say so.
- **Positions.** `after` is `start`, `now`, or the `position` of something that was received. With
  `follow=1` a stream of lines goes on, with a heartbeat every second between what comes.

## The stream

`GET /v1/stream` is a WebSocket; role `read`, with `after` (by default `now`) and, to be told of all
control records too, `controls=1`. A text message is one or more JSON lines.

| direction | line | meaning |
|---|---|---|
| down | `live.decided.v1`, `live.refused.v1` | the outcome of a context, once durable |
| down | `live.heartbeat.v1` | the service is there; at once, every second, and on every change |
| down | `live.control-recorded.v1`, `live.control-applied.v1` | where control records applied |
| down | `live.answered.v1` | what became of a control record that was sent here |
| down | `live.fault.v1` | a line that was sent here was not taken, and why |
| up | `live.context-offered.v1` | a context; role `report` |
| up | `live.control-offered.v1` | a control record; role by its kind |

A line that is not taken takes no other with it. Nothing is kept for who does not read: a subscriber
that takes nothing for `telling.send_ms` is closed with 1013 and takes up again after the last
position it has. One whose token was taken away is closed with 1008, one that sends what is no text
with 1003; 1012 says that the service ends, 1011 that it failed.
"""


def api_page() -> str:
    """Return the page."""
    rows = "".join(map(_row, ROUTES))
    heading = "| path | role | what it does |\n|---|---|---|\n"
    return f"{_HEAD}{heading}{rows}{_TAIL}"


def _row(route: Route) -> str:
    """Return one route as a row of the table."""
    role = "none" if route.role is None else f"`{route.role}`"
    cells: Sequence[str] = (f"`{route.method} {route.path}`", role, route.about)
    return f"| {' | '.join(cells)} |\n"
