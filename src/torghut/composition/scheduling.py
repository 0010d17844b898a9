"""The composition root of the scheduler: what it reads, whom it reaches, what it writes with."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from torghut.adapters.system.processes import run_own_command
from torghut.composition import deciding, governing, lanes, logs, reaching, standby
from torghut.governance.allotting.allotting import Shares
from torghut.governance.approvals.keyring import keyring_of
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.rollout.scheduler import SchedulerPolicy
from torghut.schemas.live.governance import GovernanceBeat
from torghut.schemas.scheduling.note import IterationNote
from torghut.settings import artifact_dir
from torghut.workflows.aggregates import Governance
from torghut.workflows.lane.desk.scheduled import QueuedLane
from torghut.workflows.lane.ports import Admission, LanePorts, Paging
from torghut.workflows.scheduling.clearing import RecordedClearances
from torghut.workflows.scheduling.fencing import Fence, FencedArtifacts, FencedLoop
from torghut.workflows.scheduling.governor import Governor, Policies
from torghut.workflows.scheduling.laddering import LogLadder
from torghut.workflows.scheduling.metering import LogMeter
from torghut.workflows.scheduling.ports import LoopControls
from torghut.workflows.scheduling.running import Term
from torghut.workflows.scheduling.seen.viewing import LogView
from torghut.workflows.scheduling.standing import StandingPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a scheduler was asked for.

    Attributes:
        log: The decision log of the loop that it governs.
        key: Signs manifests; None: they stay unsigned.
        token_file: With a token that may operate; None: the service's own.
        recorded: Whether the log is of recorded data, whose times are the cycles' own.
        page: Renders a run's page.
        faulted: Told what went wrong: a cycle that broke off, which the next one ends, a beat or
            the page.
        once: Whether it is for one cycle, which then waits for its lane.
    """

    log: Path
    key: Ed25519PrivateKey | None
    token_file: Path | None
    recorded: bool
    page: Paging
    faulted: Callable[[TorghutError], None]
    once: bool = False


def term_of(asked: Asked, told: Callable[[IterationNote], None]) -> Term:
    """Return what a scheduler is for as long as it holds the lease.

    Raises:
        TorghutError: Its declarations are missing or do not fit.
    """
    policies = governing.governing_policies()
    root = artifact_dir()
    loop, events = loop_of(asked), governing.governance_events(root)
    return Term(
        holder=f"scheduler-{standby.ids().new_id()}",
        events=events,
        turn=events.session,
        attended=events.attended,
        keeper=lanes.governance_lease(root, policies.safety.lease),
        wall=standby.wall_clock(),
        steady=standby.steady_clock(),
        lease=policies.safety.lease,
        policy=policies.scheduler,
        governor=lambda governance, fence: governor_of(asked, governance, loop, fence),
        beat=(
            _nobody_to_tell
            if asked.recorded
            else _beat(policies.scheduler.heartbeats.time_to_live_ms)
        ),
        told=told,
        faulted=asked.faulted,
        page=None if asked.recorded else _page(asked, policies.scheduler),
    )


def loop_of(asked: Asked) -> LoopControls:
    """Return what reaches the loop."""
    if asked.recorded:
        return reaching.recorded_loop()
    budgets = governing.governing_policies().scheduler.budgets
    return reaching.served_loop(asked.token_file, budgets.loop_ms)


def governor_of(asked: Asked, governance: Governance, loop: LoopControls, fence: Fence) -> Governor:
    """Return what cycles work with, on streams that may be written; the rest goes by ``fence``."""
    declared, policies = deciding.declarations(), governing.governing_policies()
    root, events, stages = artifact_dir(), governance.streams.store, governing.stage_policies()
    store = FencedArtifacts(store=standby.artifact_root(root), fence=fence)
    budgets, opening = policies.scheduler.budgets, logs.reopening(asked.log)
    return Governor(
        governance=governance,
        store=store,
        view=LogView(
            opening=opening,
            pages=None if asked.recorded else standby.worker_pages,
            declared=declared,
            budget_ms=budgets.view_ms,
        ),
        loop=FencedLoop(loop=loop, fence=fence),
        lane=_child_lane(
            LanePorts(
                events=events,
                store=store,
                wall=standby.wall_clock(),
                admission=Admission(target="paper"),
                cycle_length_s=policies.scheduler.cycles.every_s,
                drift_max_age_ms=policies.drift.evidence_max_age_ms,
                page=asked.page,
            ),
            root,
            budgets.lane_ms,
            _patience_s(asked, policies.scheduler),
        ),
        drift=LogMeter(
            opening=opening,
            policy=policies.drift,
            budget_ms=budgets.drift_ms,
        ),
        ladder=LogLadder(
            governance=governance,
            opening=opening,
            log=str(asked.log),
            pages=standby.worker_pages,
            live=not asked.recorded,
            wall=standby.wall_clock(),
            roadmap=stages.roadmap,
            policy=stages.exposure,
            slo=stages.slo,
            budget_ms=budgets.view_ms,
        ),
        policies=Policies(
            safety=policies.safety,
            drift=policies.drift,
            scheduler=policies.scheduler,
            shares=Shares(
                cap=declared.gates.portfolio.cap,
                max_symbols=declared.gates.portfolio.max_symbols,
                weights={name: Decimal(one) for name, one in policies.scheduler.weights.items()},
            ),
        ),
        clearances=RecordedClearances(
            office=lanes.approvals_office(events),
            routers={one.symbol: one.router for one in declared.instruments},
        ),
        keyring=lambda: keyring_of(governing.owners()),
        key=asked.key,
        page=asked.page,
    )


def _child_lane(
    ports: LanePorts, root: Path, budget_ms: int, patience_s: float | None
) -> QueuedLane:
    """Return the lane of the governance below ``root``, run as children.

    Whatever becomes of a child, the scheduler goes on.

    Args:
        ports: To adopt what a child leaves behind.
        root: The folder of artifacts.
        budget_ms: After which a child is killed.
        patience_s: How long a cycle waits for a child to end; None: as long as it takes.
    """

    async def start(epoch: int, holder: str) -> str:
        asked = ("lane", "run", "--once", "--under", f"{epoch}:{holder}")
        return await run_own_command(asked, budget_ms=budget_ms)

    return QueuedLane(ports=ports, start=start, turn=_turn_of(root), patience_s=patience_s)


def _turn_of(root: Path) -> Callable[[], AbstractContextManager[bool]]:
    """Return what gives the lane's turn, or says that another process has it."""

    @contextmanager
    def turn() -> Iterator[bool]:
        try:
            with governing.lane_turn(root):
                yield True
        except governing.TurnTakenError:
            yield False

    return turn


def _patience_s(asked: Asked, policy: SchedulerPolicy) -> float | None:
    """Return how long a cycle waits for its lane; None: as long as it takes."""
    return None if asked.once or asked.recorded else policy.cycles.every_s / 2


def _page(asked: Asked, policy: SchedulerPolicy) -> StandingPage:
    """Return where it is said how governance stands; of recorded data nobody is told."""
    return StandingPage(
        pid=os.getpid(),
        log=str(asked.log),
        every_s=policy.cycles.every_s,
        wall=standby.wall_clock(),
        put=standby.show_governance,
    )


def _beat(time_to_live_ms: int) -> Callable[[int], None]:
    """Return what tells workers that governance is there: by a file, which needs no answer."""
    place, numbers = standby.governance_beat(), itertools.count(1)

    def beat(epoch: int) -> None:
        place.beat(GovernanceBeat(epoch=epoch, number=next(numbers), ttl_ms=time_to_live_ms))

    return beat


def _nobody_to_tell(epoch: int) -> None:
    """Tell nobody: recorded data are played by nobody."""
