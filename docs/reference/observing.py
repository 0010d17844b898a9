"""The reference pages of what can be observed: every metric, every line of the service's log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from torghut.schemas.observing.catalogue import BUILD, BUILD_HELP, BUILD_LABELS, METRICS
from torghut.schemas.observing.levels import LEVELS
from torghut.schemas.observing.log_event import LogEvent
from torghut.schemas.observing.log_events import LOG_EVENTS
from torghut.schemas.observing.metric import SECONDS, Histogram, Label, Metric, label_text

_LONG: Final = 8
"""Values of a label from which on they get a list of their own."""

_METRICS_HEAD: Final = """\
# Metrics

Written by `make docs` from the code. `torghut serve` gives them at `/metrics`, in Prometheus' text
format. Every series is there from the start, at 0, so that `increase()` sees the first event too;
counters begin anew with each process. What is not known is `NaN`. Beside these there are the usual
`process_*` metrics: CPU time, memory, open files, start time.

"""

_EVENTS_HEAD: Final = """\
# Log events

Written by `make docs` from the code. `torghut serve` writes its own log to standard error, one JSON
object a line: `time` (UTC), `level`, `event`, `worker`, where it belongs to something the
`correlation_id` of that, and the event's own fields. `TORGHUT_LOG_LEVEL` says which levels are
written; `info` and graver unless set.

A line is never waited for: where standard error takes none, or one event comes more than 100 times
in a second, lines are lost and counted in `torghut_observing_lines_dropped_total`; the next line of
that event says in `passed_over` how many came too fast. No line holds a token, and none a context.

"""


def metrics_page() -> str:
    """Return the page of metrics: name, kind, unit, labels, meaning."""
    rows = [
        f"| `{one.name}` | {one.kind} | {one.unit or '0 or 1'} | {_labels(one)} | {one.help} |\n"
        for one in METRICS
    ]
    build = ", ".join(f"`{label}`" for label in BUILD_LABELS)
    rows.insert(0, f"| `{BUILD}` | gauge | 1 | {build} | {BUILD_HELP} |\n")
    bounds = ", ".join(f"{bound:g}" for bound in SECONDS)
    return (
        _METRICS_HEAD
        + "| metric | kind | unit | labels | meaning |\n|---|---|---|---|---|\n"
        + "".join(rows)
        + f"\nHistograms have the buckets {bounds} s"
        + _other_buckets()
        + ".\n\n## What labels say\n\n"
        + "".join(f"- {line}\n" for line in _lists())
    )


def log_events_page() -> str:
    """Return the page of log events: name, level, fields, meaning."""
    rows = (
        f"| `{event.name}` | {event.level} | {_fields(event)} | {_meaning(event)} |\n"
        for event in LOG_EVENTS
    )
    return (
        _EVENTS_HEAD
        + f"Levels, from the least grave: {', '.join(LEVELS)}.\n\n"
        + "| event | level | fields | meaning |\n|---|---|---|---|\n"
        + "".join(rows)
    )


def _labels(metric: Metric) -> str:
    """Return a metric's labels with their values, as far as those are few."""
    return "; ".join(
        f"`{label.name}`" if len(label.values) > _LONG else f"`{label.name}`: {_values(label)}"
        for label in metric.labels
    )


def _lists() -> Sequence[str]:
    """Return the labels that say one of many things, each with all of them."""
    return [
        f"`{label.name}` of `{metric.name}`: {_values(label)}"
        for metric in METRICS
        for label in metric.labels
        if len(label.values) > _LONG
    ]


def _values(label: Label) -> str:
    """Return everything that a label can say."""
    return ", ".join(f"`{label_text(value)}`" for value in label.values)


def _other_buckets() -> str:
    """Return which histograms have other buckets; empty if none has."""
    others = [one.name for one in METRICS if isinstance(one, Histogram) and one.buckets != SECONDS]
    return f", except {', '.join(others)}" if others else ""


def _fields(event: type[LogEvent]) -> str:
    """Return an event's own fields."""
    return ", ".join(f"`{one.name}`" for one in fields(event))


def _meaning(event: type[LogEvent]) -> str:
    """Return what an event means, on one line."""
    return " ".join((event.__doc__ or "").split())
