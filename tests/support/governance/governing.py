"""What tests of governance share: the shipped policies, people with keys, and a stream's memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final, Generic, TypeVar

from pydantic import TypeAdapter

from tests.support.decisions.declared import text_of
from torghut.drift.verdicts import DriftWindow, judge_drift
from torghut.eventlog.decider import Decider
from torghut.governance.declarations import (
    parse_drift_policy,
    parse_safety_policy,
    parse_scheduler_policy,
)
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.rollout.scheduler import SchedulerPolicy
from torghut.schemas.declarations.safety import DriftCode, DriftPolicy, SafetyPolicy
from torghut.schemas.governing.drift import DriftVerdict
from torghut.schemas.governing.fields import Person, Reading, reading_of
from torghut.schemas.governing.latch import SafetyReadings
from torghut.schemas.types import Message

C = TypeVar("C")
E = TypeVar("E", bound=Message)
S = TypeVar("S")

SECOND_NS: Final = 1_000_000_000
START_NS: Final = 1_700_000_000 * SECOND_NS
DIGEST: Final = "ab" * 32


@cache
def safety_policy() -> SafetyPolicy:
    """Return the shipped safety policy."""
    file = "governance/policies/safety.yaml"
    return parse_safety_policy(text_of(file), file=file)


@cache
def drift_policy() -> DriftPolicy:
    """Return the shipped drift policy."""
    file = "governance/policies/drift.yaml"
    return parse_drift_policy(text_of(file), file=file)


@cache
def scheduler_policy() -> SchedulerPolicy:
    """Return the shipped scheduler policy."""
    file = "governance/policies/scheduler.yaml"
    return parse_scheduler_policy(text_of(file), file=file)


def person(name: str) -> Person:
    """Return somebody with a key of their own."""
    return Person(name=name, key=sha256_hex(name.encode()))


ANN: Final = person("ann")
BEN: Final = person("ben")

_GOOD: Final = SafetyReadings(
    mode="paper",
    session="open",
    lag_ms=reading_of(0.0),
    signal_age_ms=reading_of(1000.0),
    lane="completed",
    fallback_ratio=reading_of(0.0, samples=10),
    drawdown_ratio=reading_of(0.0),
    universe="available",
    evidence="intact",
)


def readings(**changes: str | Reading) -> SafetyReadings:
    """Return readings with nothing to be said against them, but for ``changes``."""
    return SafetyReadings.model_validate({**dict(_GOOD), **changes})


_STEADY: Final[Mapping[DriftCode, float]] = {
    "data_required_null_rate_exceeded": 0.0,
    "data_staleness_p95_exceeded": 900.0,
    "data_duplicate_ratio_exceeded": 0.0,
    "data_schema_mismatch_detected": 0.0,
    "model_calibration_error_exceeded": 0.24,
    "model_llm_error_ratio_exceeded": 0.0,
    "regime_transition_shock_ratio_exceeded": 0.1,
    "regime_stale_or_defensive_ratio_exceeded": 0.1,
    "performance_net_pnl_below_floor": 12.5,
    "performance_drawdown_exceeded": 0.02,
    "performance_cost_bps_exceeded": 4.0,
    "performance_execution_fallback_ratio_exceeded": 0.05,
}
BEYOND: Final[Mapping[DriftCode, float]] = {
    "data_required_null_rate_exceeded": 0.021,
    "data_staleness_p95_exceeded": 180_001.0,
    "data_duplicate_ratio_exceeded": 0.051,
    "data_schema_mismatch_detected": 1.0,
    "model_calibration_error_exceeded": 0.451,
    "model_llm_error_ratio_exceeded": 0.101,
    "regime_transition_shock_ratio_exceeded": 0.201,
    "regime_stale_or_defensive_ratio_exceeded": 0.201,
    "performance_net_pnl_below_floor": -0.01,
    "performance_drawdown_exceeded": 0.081,
    "performance_cost_bps_exceeded": 35.1,
    "performance_execution_fallback_ratio_exceeded": 0.251,
}
"""Just beyond each limit."""


def drift_window(changes: Mapping[DriftCode, Reading] | None = None) -> DriftWindow:
    """Return a window in which nothing drifts, but for ``changes``."""
    steady = {code: reading_of(value, samples=1000) for code, value in _STEADY.items()}
    return DriftWindow(
        subject="run-1",
        from_ns=START_NS,
        to_ns=START_NS + 3600 * SECOND_NS,
        readings={**steady, **(changes or {})},
    )


def verdict(*drifted: DriftCode, missing: Sequence[DriftCode] = ()) -> DriftVerdict:
    """Return the verdict that ``drifted`` did, and nothing is known of ``missing``."""
    changes = {code: reading_of(BEYOND[code], samples=1000) for code in drifted}
    nothing = {code: reading_of(None) for code in missing}
    return judge_drift(drift_window({**changes, **nothing}), drift_policy())


class Memory(Generic[C, E, S]):
    """A stream with a process before it that may die at any moment and is then built anew.

    Args:
        decider: Of the stream.
        adapter: Reads its events back from their canonical JSON.
    """

    def __init__(self, decider: Decider[C, E, S], adapter: TypeAdapter[E]) -> None:
        self.decider = decider
        self.adapter = adapter
        self.bodies: list[bytes] = []
        self.state = decider.initial
        self.latest_ns = 0
        self._read_back: list[E] = []

    def send(self, command: C) -> Sequence[E]:
        """Return the events that ``command`` causes, once they are kept; a refusal is raised."""
        before = self.state
        events = list(self.decider.decide(command, before))
        assert list(self.decider.decide(command, before)) == events, "deciding twice is the same"
        for event in events:
            at_ns: int = event.model_dump()["at_ns"]
            assert at_ns >= self.latest_ns, "time never runs back"
            self.latest_ns = at_ns
            self.bodies.append(canonical_bytes(event.model_dump(mode="json")))
            self.state = self.decider.evolve(self.state, event)
        return events

    def attempt(self, command: C) -> Sequence[E] | TorghutError:
        """Return the events that ``command`` causes, or its refusal, which changes nothing."""
        before = len(self.bodies), self.state
        try:
            return self.send(command)
        except TorghutError as error:
            assert (len(self.bodies), self.state) == before
            return error

    def restart(self) -> None:
        """Forget everything but the events; what they say is what was known before."""
        known = self.state
        self._read_back.clear()
        self.state = self.decider.fold(self.events())
        assert self.state == known

    def events(self) -> Sequence[E]:
        """Return everything that happened, each event read back once in the life of a process."""
        new = self.bodies[len(self._read_back) :]
        self._read_back += map(self.adapter.validate_json, new)
        return self._read_back
