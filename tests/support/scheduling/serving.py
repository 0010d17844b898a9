"""A scheduler under which candidates run, are promoted and serve, by a ledger as it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from typing_extensions import override

from tests.fakes.eventlog import run
from tests.fakes.governance import CHAMPION, GOOD, FakeLoop, lane_commands
from tests.support.governance.promoting import Grounds, keyring, office
from tests.support.governance.releasing import release_signed
from tests.support.lane.rollouts import cited, file_of, gate_evidence, plan, row
from tests.support.scheduling.governed import KEY, Desk
from torghut.artifacts.signatures import TrustedKey, fingerprint
from torghut.governance.approvals.keyring import Holder, Keyring
from torghut.governance.ledger.state import LedgerState
from torghut.governance.rollouts.manifest import manifest_of
from torghut.governance.rollouts.rollout import RecordPhase, RolloutCommand, StartRun
from torghut.governance.safety.rollback import RollbackState
from torghut.kernel.clock import WallClock, WallNs
from torghut.kernel.digests import sha256_hex
from torghut.schemas.control import PackageChanged
from torghut.schemas.governing.fields import reading_of
from torghut.schemas.governing.ledger import LedgerCandidate
from torghut.schemas.rollout.gates import GateRow
from torghut.schemas.rollout.lane import CandidateSpec, StrategyPatch
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.rollout.phases import CANARY
from torghut.schemas.rollout.run import RunPlan
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.aggregates import STOP_LATCH, rollback_of, rollout_of
from torghut.workflows.approving.manifests import CheckedManifest, checked
from torghut.workflows.approving.office import Office
from torghut.workflows.approving.promoting import promote, register_candidate, revert
from torghut.workflows.latching.releasing import LatchDesk
from torghut.workflows.rollout.places import run_folder
from torghut.workflows.scheduling.clearing import RecordedClearances
from torghut.workflows.streams import Streams

ROUTER: Final = "index-daily"
BESIDE: Final = "fx-swing"
SYMBOLS: Final = {"fxcm:EURUSD": ROUTER}
FALLBACK: Final = reading_of(0.9, samples=99)
CALM: Final = reading_of(0.0, samples=99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A candidate, and a run of it.

    Attributes:
        name: Of the candidate.
        run_id: Of the run.
        attempt: At it.
        router: That it is for.
    """

    name: str
    run_id: str
    attempt: int = 1
    router: str = ROUTER

    @property
    def candidate(self) -> LedgerCandidate:
        """The candidate, as a ledger has it."""
        digest = sha256_hex(self.name.encode())
        return LedgerCandidate(candidate_id=f"router-{self.name}", digest=digest, package=digest)

    @property
    def place(self) -> str:
        """Where the run's own manifest is."""
        return f"{run_folder(self.run_id, self.attempt)}/rollout/phase-manifest.json"

    @property
    def patch(self) -> str:
        """Where what its canary asks for is."""
        return f"{run_folder(self.run_id, self.attempt)}/strategy-patch.json"


A: Final = Tried(name="a", run_id="run-a")
B: Final = Tried(name="b", run_id="run-b")
C: Final = Tried(name="c", run_id="run-c", router=BESIDE)


def patch_of(tried: Tried, replaces: str | None) -> StrategyPatch:
    """Return what the canary of a run asks for."""
    return StrategyPatch(
        run_id=tried.run_id,
        candidate_id=tried.candidate.candidate_id,
        candidate=CandidateSpec(
            kind="package",
            router=tried.router,
            package=tried.candidate.package,
            declarations=None,
        ),
        replaces=replaces,
        replaces_declarations=None,
        symbols=("fxcm:EURUSD",),
        target="paper",
        notional_cap=1000.0,
    )


def commands_of(tried: Tried, patch: StrategyPatch) -> Sequence[RolloutCommand]:
    """Return the commands of a run, whose evidence names it, and whose canary wrote a patch."""
    return [_of(one, tried, patch) for one in lane_commands(attempt=tried.attempt)]


def _of(command: RolloutCommand, tried: Tried, patch: StrategyPatch) -> RolloutCommand:
    if isinstance(command, StartRun):
        stated = plan(attempt=tried.attempt, run_id=tried.run_id).model_dump(mode="json")
        named = {**stated, "candidate_id": tried.candidate.candidate_id}
        return replace(command, plan=RunPlan.model_validate(named))
    if isinstance(command, RecordPhase):
        gates = tuple(_row(one.id, tried) for one in command.gates)
        refs = (cited(patch, tried.patch),) if command.phase == CANARY else ()
        return replace(command, gates=gates, artifact_refs=refs)
    return command


def _row(gate: str, tried: Tried) -> GateRow:
    place = f"runs/{tried.run_id}/evidence/{gate}.json"
    shown = cited(gate_evidence(gate, run_id=tried.run_id), place)
    stated = row(gate).model_dump(mode="json", by_alias=True)
    return GateRow.model_validate(
        {**stated, "evidence": [shown.model_dump(mode="json", by_alias=True)]}
    )


@dataclass(frozen=True, slots=True)
class DeskClock(WallClock):
    """The time of a desk."""

    desk: ServingDesk

    @override
    def now_ns(self) -> WallNs:
        return WallNs(self.desk.now_ns)


class ServingDesk(Desk):
    """A scheduler whose candidates can be run and promoted; ``CHAMPION`` served before them."""

    def __init__(self, loop: FakeLoop | None = None) -> None:
        super().__init__(loop, signed=True)
        self.reopen()

    @property
    def office(self) -> Office:
        """Where promotions are put on record, as of now."""
        return replace(office(self.log), keyring=self._keys, wall=DeskClock(self))

    @property
    def _keys(self) -> Keyring:
        public = KEY.public_key()
        trusted = TrustedKey(fingerprint=fingerprint(public), key=public)
        holders = {trusted.fingerprint: Holder(role="scheduler", key=trusted)}
        return Keyring(holders={**keyring().holders, **holders})

    def reopen(self) -> None:
        """Let another process go on."""
        self.restart()
        self.governor.clearances = RecordedClearances(office=self.office, routers=SYMBOLS)

    def register(self, tried: Tried) -> None:
        """Put on record that a run evaluates a candidate, and let it wait for the lane."""
        command = register_candidate(
            Streams(self.log),
            tried.router,
            tried.candidate,
            run_id=tried.run_id,
            at_ns=self.now_ns,
        )
        run(command)
        patch = patch_of(tried, self.package(tried.router))
        self.store.create(tried.patch, file_of(patch))
        commands = commands_of(tried, patch)
        gates = [gate for one in commands if isinstance(one, RecordPhase) for gate in one.gates]
        for gate in gates:
            shown = gate_evidence(gate.id, run_id=tried.run_id)
            self.store.create(gate.evidence[0].path, file_of(shown))
        self.lane.waiting.append(commands)

    def ran(self, tried: Tried) -> IterationNote:
        """Run a candidate's lane in a cycle of its own."""
        self.register(tried)
        return self.cycle()

    def serves(self, tried: Tried) -> None:
        """Let a candidate serve by the manifest of its run, and the loop decide by it.

        Raises:
            TorghutError: It does not earn that.
        """
        changed = run(
            promote(
                self.office,
                self.checked(tried),
                approval=None,
                grounds=Grounds(),
                replaces=CHAMPION,
            )
        )
        if changed.control is not None:  # people try until it is taken
            self.loop.recorded.setdefault(changed.control.control_id, changed.control)

    def reverted(self, router: str = ROUTER) -> None:
        """Let people take back what serves, and tell the loop."""
        changed = run(revert(self.office, router, cause="by-hand", reason="news"))
        if changed.control is not None:
            run(self.loop.offer([changed.control]))

    def checked(self, tried: Tried) -> CheckedManifest:
        """Return the run's own manifest, verified."""
        body = self.store.read(tried.place)
        return checked(
            body, self.store, self.store, tried.place, keyring=self._keys, now_ns=self.now_ns
        )

    def ledger(self, router: str = ROUTER) -> LedgerState:
        """Return what the ledger says."""
        return run(self.office.ledger(router))

    def says(self, tried: Tried) -> PhaseManifest:
        """Return what governance has on record of a run."""
        governor = self.reopened()
        return manifest_of(run(governor.governance.state(rollout_of(tried.run_id, tried.attempt))))

    def rollback(self, tried: Tried) -> RollbackState:
        """Return what a run's rollback has come to."""
        governor = self.reopened()
        return run(governor.governance.state(rollback_of(tried.run_id, tried.attempt)))

    def package(self, router: str = ROUTER) -> str | None:
        """Return the package that the loop was told last."""
        told = [
            one.package
            for one in self.loop.recorded.values()
            if isinstance(one, PackageChanged) and one.router == router
        ]
        return told[-1] if told else CHAMPION

    @override
    def cycle(self, **seen: object) -> IterationNote:
        package = self.package()
        self.loop.decided_by = package
        symbols = {
            name: replace(one, package=package or "")
            for name, one in self.loop.shown.symbols.items()
        }
        return super().cycle(**{"symbols": symbols, **seen})

    def stopped(self) -> IterationNote:
        """Run a cycle that closes the latch, and keep the loop as bad as it is."""
        return self.cycle(fallback_ratio=FALLBACK)

    def well(self) -> None:
        """Let the loop do as it should again."""
        self.meter.changes = {}
        self.loop.shown = replace(self.loop.shown, fallback_ratio=GOOD.fallback_ratio)

    def released(self) -> None:
        """Let people open the latch, where it is closed."""
        state = run(self.reopened().governance.state(STOP_LATCH))
        place = LatchDesk(
            events=self.log,
            keyring=keyring(),
            policy=self.governor.policies.safety,
            now_ns=self.now_ns,
            by="a test",
        )
        if state.incident is not None:
            with suppress(AssertionError):
                release_signed(place, state, "ben")


def serving(*tried: Tried, loop: FakeLoop | None = None) -> ServingDesk:
    """Return a scheduler under which candidates serve, promoted one after the other."""
    desk = ServingDesk(loop)
    for one in tried:
        desk.ran(one)
        desk.serves(one)
    return desk
