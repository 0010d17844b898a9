"""Candidates whose worth is known because they were made so, and markets to try them on.

None of them is a package of the kernel, because such a package can neither look ahead nor fail to
repeat itself: each is a rule of its own in the place of the candidate's arm, on the quotes and the
admission of the kernel, with its orders filled at the context after the one they were decided on.

The better one earns honestly: ``announced`` writes into the sizes of each quote, in most cases
rightly, where the price goes next, as the imbalance of a real book would hint at it; only this rule
reads sizes. It is a made signal on whatever prices it is written into: what was announced is known
when it is decided on, so nothing looks ahead, and no claim is made that a real book is so kind.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from typing_extensions import override

from tests.support.decisions.kernels import compiled
from tests.support.decisions.packages import CREATED_FROM
from tests.support.decisions.rows import SECOND_NS, quotes
from torghut.artifacts.package import Package, StoredFile, build_package
from torghut.evals.lookahead import Answers
from torghut.kernel.digests import sha256_hex
from torghut.router.package import MODEL_PATH, REGIME_MODEL_KIND, RegimeModel
from torghut.schemas.package import Provenance
from torghut.schemas.rows import RowArray
from torghut.workflows.lane.contest.arms import Arm, ArmPlan, Heard, KernelArm

_LONG_AGO: Final = Provenance.model_validate(
    {
        **CREATED_FROM.model_dump(),
        "window_start_ns": 978_307_200_000_000_000,
        "window_end_ns": 1_009_843_199_999_999_999,
    }
)

Floats = npt.NDArray[np.float64]
Rule = Callable[[RowArray, RowArray], Floats]
"""Contexts decided and their rows in, the target of each out, as a ratio of the allotment."""

HORIZON: Final = 6
SIZE: Final = 0.05
"""Of a planted candidate's position, as a ratio of the allotment."""

RIGHT: Final = 0.85
"""Share of announcements that are right."""


def regimes(bias: float = 2.0) -> Package:
    """Return a package of two regimes, told by volatility, fitted on nothing after 2001."""
    stay, leave = 0.97, 0.03
    model = RegimeModel(
        labels=("calm", "turbulent"),
        start=(0.5, 0.5),
        transition=((stay, leave), (leave, stay)),
        mean=((-0.3, 0.1, 0.35), (0.3, 0.1, 0.5)),
        variance=((0.06, 0.02, 0.06), (0.06, 0.02, 0.06)),
        confidence_bias=bias,
        confidence_score=0.5,
        confidence_cost=0.1,
        name="made-up",
        digest="0" * 64,
        start_ns=1,
        end_ns=2,
    )
    return build_package(
        kind=REGIME_MODEL_KIND,
        name="fx-intraday",
        files={MODEL_PATH: StoredFile(body=model.to_bytes())},
        created_from=_LONG_AGO,
    )


def market(count: int = 8000, *, seed: int = 5, step_s: int = 30) -> RowArray:
    """Return a random walk of one symbol, volatility in turns high and low, announced."""
    draw = np.random.Generator(np.random.PCG64(seed))
    scale = np.where((np.arange(count) // 400) % 2, 2.5e-4, 0.8e-4)
    mids = 1.3 * np.exp(np.cumsum(draw.normal(0.0, 1.0, count) * scale))
    return announced(quotes(mids, step_ns=step_s * SECOND_NS, spread=1e-5), seed=seed)


def announced(rows: RowArray, *, seed: int = 0, right: float = RIGHT) -> RowArray:
    """Return ``rows`` of one symbol whose sizes hint at the next moves.

    Args:
        rows: Quotes or bars.
        seed: Of which hints are wrong.
        right: Share of them that are not.
    """
    draw = np.random.Generator(np.random.PCG64(seed))
    mid = 0.5 * (rows["bid"] + rows["ask"])
    later = np.concatenate([mid[HORIZON + 1 :], np.full(HORIZON + 1, mid[-1])])
    entered = np.concatenate([mid[1:], mid[-1:]])
    up = (later > entered) ^ (draw.random(len(rows)) > right)
    told = rows.copy()
    told["bid_size"], told["ask_size"] = np.where(up, 3.0, 1.0), np.where(up, 1.0, 3.0)
    return told


class PluggedArm(Arm):
    """A rule in the place of a kernel's arm.

    Args:
        plan: Whose admission, quotes and terms it shares.
        rule: What it wants to hold.
        name: Of the rule.
    """

    def __init__(self, plan: ArmPlan, rule: Callable[[], Rule], name: str) -> None:
        self._plan = plan
        self._rule = rule
        self._name = name
        self._kernel = KernelArm(compiled(), plan)
        self._own = rule()
        self._wanted: dict[int, float] = {}

    @property
    @override
    def digest(self) -> str:
        return sha256_hex(f"{self._name}:{self._kernel.digest}".encode())

    @override
    def newborn(self) -> PluggedArm:
        return PluggedArm(self._plan, self._rule, self._name)

    @override
    def meet(self, symbols: Sequence[str], sources: Sequence[str]) -> None:
        self._kernel.meet(symbols, sources)

    @override
    def hear(self, record: Heard, symbol: int, now_ns: int) -> None:
        self._kernel.hear(record, symbol, now_ns)

    @override
    def empty_books(self) -> None:
        self._kernel.empty_books()
        self._wanted.clear()

    @override
    def terms(self) -> RowArray:
        return self._kernel.terms()

    @override
    def budgets(self) -> Sequence[tuple[float, float]]:
        return self._kernel.budgets()

    @override
    def decide(self, contexts: RowArray) -> Answers:
        answers = self._kernel.decide(contexts)
        decided = contexts[answers.outcomes == 0]
        rows = answers.rows
        ratio = self._own(decided, rows)
        units = ratio * rows["allotment"] / rows["reference_price"]
        lots = np.floor(np.abs(units) / 1000.0) * 1000.0 * np.sign(units)
        for symbol in np.unique(decided["symbol"]).tolist():
            own = np.flatnonzero(decided["symbol"] == symbol)
            held = np.concatenate([[self._wanted.get(symbol, 0.0)], lots[own][:-1]])
            rows["position"][own] = held
            rows["target"][own] = lots[own]
            self._wanted[symbol] = float(lots[own][-1])
        return answers


def _signal(contexts: RowArray) -> Floats:
    signal: Floats = np.nan_to_num(np.sign(contexts["bid_size"] - contexts["ask_size"]))
    return signal


def _following(size: float, rare: float) -> Rule:
    """Return the rule that holds each announcement's side until its horizon, then the next one's.

    Args:
        size: Of the position, as a ratio of the allotment.
        rare: In place of it, for one announcement in forty.
    """
    held = 0.0

    def rule(contexts: RowArray, _rows: RowArray) -> Floats:
        nonlocal held
        turns = contexts["sequence"] // HORIZON
        wanted = _signal(contexts) * np.where(turns % 40 == 7, rare, size)
        due = contexts["sequence"] % HORIZON == 0
        last = np.maximum.accumulate(np.where(due, np.arange(len(contexts)), -1))
        target = np.where(last < 0, held, wanted[last])
        held = float(target[-1]) if len(target) else held
        return target

    return rule


def _peeking(size: float) -> Rule:
    """Return a rule that knows where the price goes, as far as its batch shows."""

    def rule(_contexts: RowArray, rows: RowArray) -> Floats:
        mid = rows["reference_price"]
        later = np.concatenate([mid[2:], np.full(min(2, len(mid)), mid[-1] if len(mid) else 0.0)])
        wanted: Floats = size * np.sign(later - mid)
        return wanted

    return rule


_TIMES: Final = itertools.count()


def _unrepeatable(size: float) -> Rule:
    """Return the better rule at a size that is another each time it is born."""
    return _following(size * (1.0 + next(_TIMES) % 3), size)


def planted(size: float = SIZE) -> Mapping[str, Callable[[], Rule]]:
    """Return every planted rule by what it is, holding ``size`` of the allotment.

    The tail-seller is the better one but for one announcement in forty, on which it stakes twelve
    times as much: it earns on average, and loses rarely what the better one never could.
    """
    return {
        "better": lambda: _following(size, size),
        "worse": lambda: _following(-size, -size),
        "tail-seller": lambda: _following(size, 12.0 * size),
        "peeking": lambda: _peeking(size),
        "unrepeatable": lambda: _unrepeatable(size),
    }


def planted_arm(name: str, plan: ArmPlan, size: float = SIZE) -> PluggedArm:
    """Return the arm of a planted rule."""
    return PluggedArm(plan, planted(size)[name], name)
