"""The API of a service that runs: where it listens, and who is let in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from torghut.composition import serving, standby
from torghut.entrypoints.api.application import api
from torghut.entrypoints.cli.serve.options import ServeOptions
from torghut.entrypoints.cli.serve.preparing import PreparedService
from torghut.workflows.live.observing.gauges import show_status
from torghut.workflows.live.observing.governed import GovernanceFigures
from torghut.workflows.live.observing.requests import RequestObserver


@asynccontextmanager
async def doors(options: ServeOptions, prepared: PreparedService) -> AsyncIterator[Sequence[str]]:
    """Let callers in while the block lasts; the addresses are given.

    Raises:
        TorghutError: It cannot listen where it should, or the tokens cannot be trusted.
    """
    worker = prepared.worker
    gate = serving.gatekeeper(prepared.tokens, prepared.policy, prepared.journal)
    witness = worker.witness
    app = api(
        worker.desk,
        gate,
        metrics=prepared.metrics.text,
        failed=partial(witness.failed, "api"),
        observer=RequestObserver(
            telemetry=prepared.metrics,
            journal=prepared.journal,
            tracer=prepared.tracer,
            wall=standby.wall_clock(),
            steady=standby.steady_clock(),
        ),
        beaten=witness.beaten,
    )
    worker.standing.subscribers = app.subscribers
    governance = GovernanceFigures(prepared.metrics, standby.governance_seen)

    def refresh() -> None:
        status, apart_ns = worker.desk.status(), worker.clock.apart_ns()
        show_status(prepared.metrics, status, clock_apart_ns=apart_ns)
        governance.show(standby.wall_clock().now_ns())

    prepared.metrics.before_reading(refresh)
    wanted = [str(options["listen"])]
    if options["listen_unix"] is not None:
        wanted.append(f"unix:{options['listen_unix']}")
    async with AsyncExitStack() as stack:
        addresses = [
            await stack.enter_async_context(
                serving.serve_http(
                    app,
                    listen=where,
                    policy=prepared.policy,
                    anywhere=options["allow_remote"],
                    let_go=witness.let_go,
                )
            )
            for where in wanted
        ]
        worker.standing.api = addresses[0]
        yield addresses
