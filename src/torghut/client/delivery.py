"""What becomes of one outcome at the trading loop: act on it, or discard it, and why.

Judged when it is handed over and not when it came in: what waited may have grown old.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from torghut.client.limits import Limits
from torghut.client.machine import Machine
from torghut.client.wire.decision import Decision
from torghut.client.wire.messages import Decided, Outcome, Refusal, StateName
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.live.position import Position

Verdict = Literal[
    "act",
    "refused",
    "duplicate",
    "history",
    "overtaken",
    "expired",
    "shadow",
    "stale",
    "stopped",
]
"""``act``, or why not.

refused: nothing was decided. duplicate: handed over before. history: read back from the log, nobody
knows how old. overtaken: a later decision of the symbol was handed over. expired: past its
lifetime. shadow: of a mode that never trades. stale, stopped: the client or the service is, and the
decision would raise exposure.
"""


class State(NamedTuple):
    """Whether the trading loop may open anything, and if not, why.

    Attributes:
        name: ``live``, ``stale`` or ``stopped``; only ``live`` opens.
        reason: In words; empty while live.
    """

    name: StateName
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One outcome, handed over.

    Attributes:
        position: Where it stands in the stream; keep it in a bookmark to go on after it.
        decision: None where the context was refused.
        refusal: None where it was decided.
        verdict: ``act``, or why it is discarded.
        detail: The same in words; empty for ``act``.
        line: As it was received.
    """

    position: Position
    decision: Decision | None
    refusal: Refusal | None
    verdict: Verdict
    detail: str
    line: str

    @property
    def actionable(self) -> bool:
        """Whether to act on it."""
        return self.verdict == "act"


@dataclass(slots=True, kw_only=True)
class Judge:
    """Knows what was handed over, and so what must not be acted on again.

    Attributes:
        limits: How much is remembered.
        machine: Whose wall clock tells the age.
    """

    limits: Limits
    machine: Machine
    _sequences: dict[str, int] = field(default_factory=dict)
    _given: OrderedDict[str, None] = field(default_factory=OrderedDict)

    def judge(self, outcome: Outcome, line: str, at: Position, state: State) -> Delivery:
        """Return ``outcome`` as it is handed over now, and remember that it was."""
        decision = outcome.decision if isinstance(outcome, Decided) else None
        refusal = None if isinstance(outcome, Decided) else outcome.refusal
        verdict, detail = self._judged(outcome, state)
        self._remember(outcome.position, decision)
        return Delivery(
            position=at,
            decision=decision,
            refusal=refusal,
            verdict=verdict,
            detail=detail,
            line=line,
        )

    def _judged(self, outcome: Outcome, state: State) -> tuple[Verdict, str]:
        """Return the verdict of an outcome and why."""
        if outcome.position in self._given:
            return "duplicate", f"{outcome.position} was handed over before"
        if not isinstance(outcome, Decided):
            return "refused", outcome.refusal.code
        return self._untimely(outcome) or _unwanted(outcome.decision, state) or ("act", "")

    def _untimely(self, outcome: Decided) -> tuple[Verdict, str] | None:
        """Return why a decision is too old to act on; None where it is not."""
        if outcome.ingress_wall_ns is None:
            return "history", "read back from the log"
        decision = outcome.decision
        last = self._sequences.get(decision.symbol, 0)
        if decision.sequence <= last:
            return "overtaken", f"sequence {decision.sequence} after {last}"
        late = self._expiry(outcome, outcome.ingress_wall_ns)
        return ("expired", late) if late else None

    def _expiry(self, outcome: Decided, ingress_ns: int) -> str:
        """Return in which way a decision is past its lifetime; empty if it is not."""
        if outcome.speed is None:
            return ""
        elapsed_ns = self.machine.wall_ns() - ingress_ns
        if elapsed_ns < -self.limits.clock_apart_ms * NS_PER_MS:
            ahead_ms = -elapsed_ns // NS_PER_MS
            return f"came in {ahead_ms} ms after now: one of the clocks is wrong"
        left_ns = outcome.decision.valid_until_ns - outcome.decision.receive_ns
        if elapsed_ns * outcome.speed > left_ns:
            return f"came in {elapsed_ns // NS_PER_MS} ms ago, valid for {left_ns // NS_PER_MS} ms"
        return ""

    def _remember(self, at: str, decision: Decision | None) -> None:
        """Note that an outcome was handed over."""
        self._given[at] = None
        if len(self._given) > self.limits.remembered:
            self._given.popitem(last=False)
        if decision is not None:
            last = self._sequences.get(decision.symbol, 0)
            self._sequences[decision.symbol] = max(last, decision.sequence)


def _unwanted(decision: Decision, state: State) -> tuple[Verdict, str] | None:
    """Return why a decision is not to be acted on now, however young; None where it is."""
    if decision.mode == "shadow":
        return "shadow", "mode shadow never trades"
    if state.name != "live" and decision.raises_exposure:
        return state.name, state.reason
    return None
