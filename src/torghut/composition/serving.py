"""The composition root of the live service: its log, its doors, and what it says of itself.

It stands apart because a run of recorded data needs none of it, nor its web server's memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

from torghut.adapters.filesystem.tokens import TokenFile, make_tokens
from torghut.adapters.http.limits import http_limits
from torghut.adapters.http.serving import Application
from torghut.adapters.http.serving import serve_http as serve_app
from torghut.adapters.live.lines import LineFeed
from torghut.adapters.live.streams import serve_socket, serve_stdin
from torghut.adapters.otel.opening import Tracing, open_tracer
from torghut.adapters.prometheus.page import PrometheusPage
from torghut.adapters.sqlite.faults import writing_to
from torghut.adapters.sqlite.regaining import RegainingLog
from torghut.adapters.sqlite.store import open_log
from torghut.adapters.system.clock import MonotonicClock, RandomIds, SystemClock
from torghut.adapters.system.companions import start_companion
from torghut.adapters.system.journal import StderrJournal
from torghut.adapters.system.machine import version
from torghut.adapters.system.threads import ThreadsAside
from torghut.decisions.kernel.deciding import KERNEL_VERSION
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.live import LivePolicy
from torghut.schemas.observing.catalogue import LINES_DROPPED
from torghut.schemas.observing.log_events import TokensUnread
from torghut.settings import log_level, tracing_target
from torghut.workflows.live.access.gate import Gatekeeper
from torghut.workflows.live.access.rates import Rates
from torghut.workflows.live.beside.ports import Starting
from torghut.workflows.live.loop.keeping import LogKeeper
from torghut.workflows.live.observing.journal import Journal
from torghut.workflows.live.observing.telemetry import MetricsPage, Telemetry
from torghut.workflows.live.observing.tracing import SILENT_TRACER, Tracer
from torghut.workflows.live.ports import Desk

__all__ = [
    "feed_socket",
    "feed_stdin",
    "gatekeeper",
    "journal",
    "log_keeper",
    "scheduler_beside",
    "serve_http",
    "telemetry",
    "threads_aside",
    "tracer",
]


def telemetry() -> MetricsPage:
    """Return the metrics of this process, every series of them at 0."""
    return PrometheusPage({"version": version("torghut"), "kernel_version": str(KERNEL_VERSION)})


def journal(worker: str, counted: Telemetry) -> Journal:
    """Return the service's own log, on standard error.

    Args:
        worker: Stands in every line.
        counted: Counts the lines that are lost.

    Raises:
        LogLevelUnknownError: The environment names a level that is none.
    """
    return StderrJournal(
        worker=worker,
        level=log_level(),
        wall=SystemClock(),
        steady=MonotonicClock(),
        dropped=lambda: counted.count(LINES_DROPPED, 1),
    )


def tracer(worker: str, counted: Telemetry, told: Journal) -> Tracer:
    """Return what exports traces if the environment says where to, and keeps silent if not.

    Raises:
        TracingExtraMissingError: It does, and the packages for it are not installed.
    """
    target = tracing_target()
    if target is None:
        return SILENT_TRACER
    tracing = Tracing(
        endpoint=target.endpoint,
        worker=worker,
        version=version("torghut"),
        telemetry=counted,
        journal=told,
    )
    return open_tracer(tracing, variable=target.variable)


def threads_aside() -> Executor:
    """Return what does work that may hang, in threads that keep no process from ending."""
    return ThreadsAside()


async def feed_stdin(desk: Desk, asked: asyncio.Event) -> None:
    """Offer ``desk`` the contexts on standard input, until its end."""
    await serve_stdin(LineFeed(desk=desk, name="stdin", stop=asked))


async def feed_socket(
    desk: Desk, path: Path, asked: asyncio.Event, let_go: Callable[[TorghutError], None]
) -> None:
    """Offer ``desk`` the contexts that come into the Unix socket at ``path``, until cancelled.

    Args:
        desk: Takes them.
        path: Of the socket.
        asked: Set once the service is to end.
        let_go: Told why a sender was let go, who gets no answer.
    """
    await serve_socket(LineFeed(desk=desk, name="unix", stop=asked), path, let_go)


def gatekeeper(path: Path, policy: LivePolicy, journal: Journal) -> Gatekeeper:
    """Return who knows the tokens in the file at ``path``, which is made if there is none.

    Args:
        path: Of the file.
        policy: Says how often each may be used.
        journal: Where none of them may ever stand; told why they cannot be read.

    Raises:
        TorghutError: It cannot be made.
    """
    make_tokens(path)
    steady = MonotonicClock()
    return Gatekeeper(
        tokens=TokenFile(path=path, steady=steady, hide=journal.hide),
        rates=Rates(per_s=policy.door.requests_per_s, steady=steady),
        unread=lambda error: journal.say(TokensUnread(error_code=error.code, detail=str(error))),
    )


def serve_http(
    app: Application,
    *,
    listen: str,
    policy: LivePolicy,
    anywhere: bool,
    let_go: Callable[[float], None],
) -> AbstractAsyncContextManager[str]:
    """Return what serves ``app`` over HTTP while it is entered; it gives the address.

    Args:
        app: An ASGI 3 application.
        listen: ``ADDRESS:PORT``, or ``unix:PATH``.
        policy: Bounds every connection.
        anywhere: Whether other machines may reach it.
        let_go: Told of each peer that was let go because it took nothing.
    """
    return serve_app(app, listen=listen, limits=http_limits(policy, let_go), anywhere=anywhere)


def scheduler_beside(log: Path, key: Path | None, tokens: Path) -> Starting:
    """Return what starts the scheduler of governance over ``log``, in a process of its own.

    Args:
        log: The decision log of the service.
        key: Signs manifests; None: they stay unsigned.
        tokens: The service's own file of tokens.
    """
    words = ["scheduler", "run", "--log", str(log), "--token-file", str(tokens), "--beside"]
    if key is not None:
        words += ["--key", str(key)]
    return partial(start_companion, words)


def log_keeper(path: Path) -> LogKeeper:
    """Return the log at ``path``, opened for writing and opened again where its writer broke.

    Raises:
        TorghutError: It is in use, not durable, or not as it was written.
    """
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    return RegainingLog(lambda: open_log(path, clock=SystemClock(), ids=RandomIds()))
