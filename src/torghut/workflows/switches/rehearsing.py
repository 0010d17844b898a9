"""Rehearsing each switch on a copy of the loop's memory: that it holds, and from which decision on.

The real memory is only read. Each switch gets a copy of its own, put before the same contexts, and
what it must do is looked for in every decision that follows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.snapshot import restore_snapshot, take_snapshot
from torghut.kernel.clock import SteadyClock
from torghut.kernel.ids import SERVING
from torghut.market.ports import Arrival
from torghut.schemas.codes import Intent, Reason, RouterMode, Switch
from torghut.schemas.control import ControlRecord, SwitchThrown
from torghut.schemas.live.control_ids import thrown_id
from torghut.schemas.live.delivery import SwitchName
from torghut.schemas.live.rehearsal import SwitchRehearsal, SwitchRehearsals
from torghut.schemas.rows import DECISION, RowArray
from torghut.workflows.live.going_back import beside
from torghut.workflows.live.switch_ports import SWITCH_NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the switches are rehearsed.

    Attributes:
        fold: The loop's memory as of ``head``; never changed.
        head: Digest of the log's block that it is as of.
        contexts: The next ones, shape (n,), numbered as the fold does.
        revision: That would decide here.
    """

    fold: DecisionFold
    head: str
    contexts: RowArray
    revision: str


@dataclass(slots=True, kw_only=True)
class _Watched:
    """What the decisions of one copy showed.

    Attributes:
        late: Decisions of each symbol before its first one under the switch.
        seen: Symbols that were decided under it.
        failed: What did not hold, each once.
    """

    late: dict[str, int] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    failed: dict[str, None] = field(default_factory=dict)


_Shows = Callable[[DecisionFold, str, np.void], bool]
"""Whether a decision of a symbol was made under a switch."""


def rehearse(stage: Stage, steady: SteadyClock) -> SwitchRehearsals:
    """Return how each switch went, on copies of its own.

    Args:
        stage: Where.
        steady: Times them.
    """
    before = take_snapshot(stage.fold)
    rehearsals = tuple(_rehearse(stage, before, name, steady) for name in SWITCH_NAMES)
    heard = {stage.fold.symbols[int(one)].name for one in np.unique(stage.contexts["symbol"])}
    return SwitchRehearsals(
        head=stage.head,
        declarations=stage.fold.declared,
        kernel_version=stage.fold.kernel.version,
        contexts=len(stage.contexts),
        symbols=tuple(sorted(heard)),
        rehearsals=rehearsals,
        untouched=take_snapshot(stage.fold) == before,
    )


def _rehearse(
    stage: Stage, before: bytes, name: SwitchName, steady: SteadyClock
) -> SwitchRehearsal:
    """Return how one switch went on a copy."""
    fold, watched = _copy(stage.fold, before), _Watched()
    arrivals = [Arrival(row=0, record=one) for one in _records(name, fold, stage.revision)]
    active = {fold.symbols[int(one)].name for one in np.unique(stage.contexts["symbol"])}
    begun_ns, elapsed_ns = steady.now_ns(), 0
    for place in range(len(stage.contexts)):  # one by one: each decision beside its own state
        decided = fold.decide(stage.contexts[place : place + 1], arrivals if place == 0 else ())
        for one in decided.refused:
            watched.failed[f"its record was refused: {one.code}"] = None
        symbol = fold.symbols[int(stage.contexts["symbol"][place])].name
        for row in np.frombuffer(decided.arms[SERVING].rows, DECISION):
            _watch(watched, name, fold, symbol, row)
        if not elapsed_ns and watched.seen == active:
            elapsed_ns = steady.now_ns() - begun_ns
    if not watched.late:
        watched.failed["no decision followed: nothing was shown"] = None
    missing = sorted(one for one in watched.late if one not in watched.seen)
    until = None if missing or not watched.seen else max(watched.late.values())
    failed = (*watched.failed, *(f"never in force for {one}" for one in missing))
    if until:
        failed = (*failed, f"in force only after {until} decisions")
    return SwitchRehearsal(
        name=name,
        in_force=until == 0 and not failed,
        decisions_until_in_force=until,
        elapsed_ns=elapsed_ns or steady.now_ns() - begun_ns,
        asserted=_ASSERTED[name],
        failed=failed,
    )


def _watch(
    watched: _Watched, name: SwitchName, fold: DecisionFold, symbol: str, row: np.void
) -> None:
    """Take in one decision."""
    late = watched.late.setdefault(symbol, 0)
    shown = _SHOWS[name](fold, symbol, row)
    if shown:
        watched.seen.add(symbol)
    elif symbol in watched.seen:
        watched.failed[f"a later decision of {symbol} was not made under it"] = None
    else:
        watched.late[symbol] = late + 1


def _records(name: SwitchName, fold: DecisionFold, revision: str) -> Sequence[ControlRecord]:
    """Return what a throw of a switch puts on record."""
    thrown = SwitchThrown(
        control_id=thrown_id(name, f"rehearsal-{fold.waiting.arrived}"),
        name=name,
        state="thrown",
        reason="rehearsal",
    )
    return [thrown, *beside(thrown, fold, revision)]


def _copy(fold: DecisionFold, body: bytes) -> DecisionFold:
    """Return a memory of its own that is as ``fold``, of which ``body`` is the snapshot."""
    copy = DecisionFold(kernel=fold.kernel, genesis=fold.genesis, packages=dict(fold.packages))
    for declarations in fold.declarations.values():
        copy.register(declarations)
    restore_snapshot(copy, body)
    return copy


def _has(row: np.void, reason: Reason) -> bool:
    """Return whether a decision has a reason."""
    return bool(int(row["reasons"]) >> reason & 1)


def _state(fold: DecisionFold, symbol: str) -> np.void:
    """Return what a memory holds of a symbol."""
    state: np.void = fold.arms[SERVING][fold.symbol_index(symbol)]
    return state


def _stops(_fold: DecisionFold, _symbol: str, row: np.void) -> bool:
    grows = abs(float(row["target"])) > abs(float(row["position"]))
    return _has(row, Reason.STOPPED) and not grows


def _is_deterministic(fold: DecisionFold, symbol: str, row: np.void) -> bool:
    thrown = int(_state(fold, symbol)["switches"]) >> Switch.DETERMINISTIC_ONLY & 1
    return bool(thrown) and not _has(row, Reason.REASONING_OFF)


def _is_defensive(_fold: DecisionFold, _symbol: str, row: np.void) -> bool:
    return _has(row, Reason.DEFENSIVE_WEIGHTS)


def _is_reverted(fold: DecisionFold, symbol: str, row: np.void) -> bool:
    facts = next(one for one in fold.symbols if one.name == symbol)
    router = fold.declarations[facts.declarations].instrument(symbol).router
    previous = fold.promoted.previous(router)
    expected = previous if previous in fold.packages else ""
    if facts.package != expected:
        return False
    state = _state(fold, symbol)
    live = int(state["router_mode"]) == RouterMode.LIVE
    guarded = int(state["switches"]) >> Switch.DEFENSIVE_WEIGHTS & 1
    return bool(expected) or not live or bool(guarded) or _has(row, Reason.PACKAGE_MISSING)


def _abstains(_fold: DecisionFold, _symbol: str, row: np.void) -> bool:
    return _has(row, Reason.REVISION_FENCED) and int(row["intent"]) == Intent.ABSTAIN


_SHOWS: Final[Mapping[SwitchName, _Shows]] = {
    "stop": _stops,
    "deterministic-only": _is_deterministic,
    "defensive-weights": _is_defensive,
    "revert-packages": _is_reverted,
    "last-stable-revision": _abstains,
}
_ASSERTED: Final[Mapping[SwitchName, tuple[str, ...]]] = {
    "stop": ("reason stopped", "no target beyond the position"),
    "deterministic-only": ("the switch in the symbol's state", "no reason reasoning-off"),
    "defensive-weights": ("reason defensive-weights",),
    "revert-packages": (
        "the package promoted before serves, or none where there was none",
        "where none serves and the router is live: reason package-missing",
    ),
    "last-stable-revision": ("reason revision-fenced", "intent abstain"),
}
