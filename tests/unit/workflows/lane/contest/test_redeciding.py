"""Arms re-decided from a log: each with its own book, and nothing recorded crosses into them."""

from __future__ import annotations

import asyncio

from tests.declared import shipped
from tests.kernels import compiled
from tests.logs import contexts, in_memory
from tests.packages import eager_package
from tests.rows import SECOND_NS, START_NS
from torghut.router.package import read_regime_model
from torghut.schemas.codes import Expert
from torghut.workflows.lane.contest.arms import Arm, ArmPlan, KernelArm
from torghut.workflows.lane.contest.redeciding import Redecided, Window, redecide

WINDOW = Window(first_ns=START_NS, last_ns=START_NS + 10**6 * SECOND_NS)


def eager_arm(bias: float = 2.0, *, only: Expert | None = None) -> Arm:
    model = read_regime_model(eager_package(bias=bias))
    plan = ArmPlan(declarations=shipped(), packages={"fx-intraday": model}, only=only)
    return KernelArm(compiled(), plan)


def redecided(window: Window = WINDOW, **arms: Arm) -> Redecided:
    async def run() -> Redecided:
        return await redecide(await in_memory(), arms, window)

    return asyncio.run(run())


def test_gains_add_up_to_the_kernels_own_book() -> None:
    arm = eager_arm()
    born = arm.newborn()

    found = redecided(champion=arm)

    rows = contexts()
    born.meet(("fxcm:EURUSD", "fxcm:NZDUSD"), ("ab" * 32,))
    answers = born.decide(rows)
    assert found.arms["champion"].turnover.sum() > 0.0
    assert found.decided == len(answers.rows)
