"""Control records in force: what each sets stays, begins when it says, and is rebuilt alike."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import pytest

from tests.fakes.sources import ArraySource
from tests.support.decisions.declared import redeclared, shipped
from tests.support.decisions.kernels import compiled
from tests.support.decisions.loops import (
    A,
    B,
    drifting,
    empty_log,
    made_setup,
    part_of,
    source_of,
    state_of,
    stop_record,
)
from tests.support.decisions.packages import eager_package
from tests.support.decisions.rows import SECOND_NS, START_NS
from torghut.artifacts.package import Package
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.recording import read_block
from torghut.decisions.snapshot import take_snapshot
from torghut.eventlog.memory import InMemoryLog
from torghut.eventlog.roots import root_of_run
from torghut.router.package import read_regime_model
from torghut.schemas.codes import Mode, RefusalCode, RouterMode, Switch
from torghut.schemas.control import (
    ControlRecord,
    DeclarationsChanged,
    FillReported,
    LimitsAllotted,
    ModeChanged,
    PackageChanged,
    PositionReported,
    SwitchThrown,
)
from torghut.schemas.rows import DECISION
from torghut.workflows.decision_loop import LoopSettings, Run, run_loop
from torghut.workflows.opening import open_fold
from torghut.workflows.replay import replay_log

Rows = npt.NDArray[np.void]
Placed = tuple[int, ControlRecord]
_DAY_S = 86_400


def _source(symbols: Sequence[int], records: Sequence[Placed] = ()) -> ArraySource:
    """Return quotes 20 s apart that drift, with records before rows."""
    return source_of(drifting(symbols), records)


async def _run(
    source: ArraySource,
    log: InMemoryLog,
    *,
    declared: Declarations | None = None,
    packages: dict[str, Package] | None = None,
    shadow_router: bool = False,
    later: Sequence[Declarations | Package] = (),
) -> DecisionFold:
    """Take up ``log`` and decide ``source``; ``later`` is what records may put in force."""
    opened = await open_fold(log, made_setup(declared, packages, shadow_router=shadow_router))
    for one in later:
        if isinstance(one, Declarations):
            await log.put_object(one.to_bytes())
            opened.fold.register(one)
        else:
            for body in one.objects():
                await log.put_object(body)
            opened.fold.packages[one.digest] = read_regime_model(one)
    settings = LoopSettings(batch_records=10_000)
    await run_loop(
        Run(
            source=source,
            log=log,
            fold=opened.fold,
            controls=opened.controls,
            settings=settings,
        )
    )
    return opened.fold


async def _outcomes(log: InMemoryLog) -> list[int]:
    return [code async for b in log.blocks(0) for code in read_block(b).outcomes.tolist()]


def _setting(section: str, name: str, value: object) -> Callable[[dict[str, object]], None]:
    def change(body: dict[str, object]) -> None:
        inner = body[section]
        assert isinstance(inner, dict)
        inner[name] = value

    return change


def _fill(control_id: str, account: str, fill_id: str) -> FillReported:
    return FillReported(
        control_id=control_id,
        symbol=A,
        account=account,
        fill_id=fill_id,
        quantity=5.0,
        price=1.3,
    )


@pytest.mark.parametrize(
    "record",
    [
        PositionReported(control_id="r", symbol=A, quantity=-0.0, as_of_ns=START_NS),
        ModeChanged(control_id="r", symbol=A, mode="live", notional_cap=-0.0),
        LimitsAllotted(control_id="r", symbol=A, allotment=-0.0),
    ],
    ids=lambda record: record.kind,
)
def test_a_record_of_minus_zero_is_replayed_alike(record: ControlRecord) -> None:
    # §4.2 Numbers: a zero's sign is normalised before the leaf. Canonical JSON has none, so the
    # record comes back from the log as 0: the replay differs, the log cannot be opened again.
    live = ModeChanged(control_id="live", symbol=A, mode="live", notional_cap=1e6)

    async def run() -> None:
        log = empty_log()
        await _run(_source([0] * 20, [(3, live), (5, record)]), log)
        async for block in log.blocks(0):
            rows = np.frombuffer(block.arms["serving"].rows, DECISION)
            for name in ("position", "notional_cap", "allotment"):
                assert not np.signbit(rows[name]).any(), name
        assert (await replay_log(log, compiled())).identical

    asyncio.run(run())


def test_records_that_wait_for_two_symbols_are_rebuilt_byte_for_byte() -> None:
    # §3.1: "everything else ... is a projection that can be rebuilt byte for byte". What waits is
    # numbered in the order last touched while deciding, and in the order first seen on replay.
    far_ns = START_NS + 10**6 * SECOND_NS
    records = [
        (3, stop_record("a1", "stopped", at=START_NS + 200 * SECOND_NS, symbol=A)),
        (3, stop_record("a2", "stopped", at=far_ns, symbol=A)),
        (4, stop_record("b", "stopped", at=far_ns, symbol=B)),
    ]

    async def run() -> None:
        log = empty_log()
        fold = await _run(_source([0, 1] * 20, records), log)
        again = await open_fold(
            log,
            made_setup(),
        )
        assert take_snapshot(again.fold) == take_snapshot(fold)

    asyncio.run(run())


def test_a_context_before_1970_has_an_outcome() -> None:
    # §4.2 Identity: "Every context has exactly one outcome"; a run without --from takes all.
    source = _source([0] * 20)
    source.rows["receive_ns"][5] = -1

    async def run() -> None:
        log = empty_log()
        await _run(source, log)
        outcomes = await _outcomes(log)
        assert len(outcomes) == 20
        assert outcomes[5] == RefusalCode.TIME_OUT_OF_RANGE

    asyncio.run(run())


def test_a_context_that_new_declarations_refuse_puts_nothing_else_in_force() -> None:
    # ADR 0013: "Receive times that admission refuses move no clock and are no place"; a wrong time,
    # plausible until the declarations that take force there, lifts a stop three days early.
    lower = redeclared(_setting("plausible", "receive_leap_hours", 24), A)
    release_ns = START_NS + 3 * _DAY_S * SECOND_NS
    source = _source(
        [0] * 40,
        [
            (2, stop_record("stop", "stopped")),
            (3, stop_record("release", "released", at=release_ns)),
            (15, DeclarationsChanged(control_id="lower", declarations=lower.digest)),
        ],
    )
    source.rows["receive_ns"][15] += 5 * _DAY_S * SECOND_NS

    async def run() -> None:
        log = empty_log()
        fold = await _run(source, log, later=[lower])
        assert (await _outcomes(log))[15] == RefusalCode.TIME_LEAP
        assert state_of(fold, A)["switches"] & (1 << Switch.STOP_LATCH)

    asyncio.run(run())


def _movable() -> tuple[Declarations, Declarations]:
    """Return declarations that know two router names, and those that move A to the other."""
    base = shipped()
    router = base.router.model_dump(mode="json")
    router["packages"]["fx"] = ["fx-intraday", "fx-other"]
    policy = type(base.router).model_validate_json(json.dumps(router))
    before = dataclasses.replace(base, router=policy)
    return before, redeclared(lambda body: body.update(router="fx-other"), A, before)


def test_a_package_serves_nobody_before_it_is_effective() -> None:
    # §4.2 Control records: placed before the first context "with receive time ≥ effective_at"; a
    # symbol that moves to another router gets the package of a record that is still waiting.
    before, after = _movable()
    now, then = eager_package("fx-other", bias=1.0), eager_package("fx-other", bias=2.0)
    change = PackageChanged(
        control_id="then",
        router="fx-other",
        package=then.digest,
        effective_at_ns=START_NS + 10**6 * SECOND_NS,
    )
    move = DeclarationsChanged(control_id="move", declarations=after.digest)

    async def run() -> None:
        fold = await _run(
            _source([0] * 40, [(5, change), (20, move)]),
            empty_log(),
            declared=before,
            packages={"fx-intraday": eager_package(), "fx-other": now},
            later=[after, then],
        )
        assert fold.symbols[0].package == now.digest

    asyncio.run(run())


@pytest.mark.parametrize("after_s", [None, 10**7], ids=["at once", "dated ahead"])
def test_a_restart_does_not_take_back_the_package_that_a_record_put_in_force(
    after_s: int | None,
) -> None:
    # §3.2: the same decisions "whatever the batching, partitioning or restart". Nothing changed on
    # the disk; opening the log again sends a record of its own against the operator's.
    other = eager_package(bias=1.0)
    change = PackageChanged(
        control_id="change",
        router="fx-intraday",
        package=other.digest,
        effective_at_ns=None if after_s is None else START_NS + after_s * SECOND_NS,
    )
    source = _source([0] * 40, [(5, change)])

    async def run() -> None:
        whole, cut = empty_log(), empty_log()
        await _run(source, whole, later=[other])
        await _run(part_of(source, 20), cut, later=[other])
        await _run(source, cut, later=[other])
        assert await root_of_run(cut) == await root_of_run(whole)

    asyncio.run(run())


def test_the_routers_arm_stays_the_routers_when_declarations_change() -> None:
    # ROUTER_ARM: it "serves what the router would, while static weights serve"; under declarations
    # that say static it becomes a second static arm.
    async def run() -> None:
        log, source = empty_log(), _source([0] * 40)
        await _run(part_of(source, 20), log, shadow_router=True)
        static = redeclared(_setting("risk", "router_mode", "static"), A)
        fold = await _run(source, log, shadow_router=True, declared=static)
        assert state_of(fold, A, "router")["router_mode"] == RouterMode.LIVE

    asyncio.run(run())


def test_what_a_record_set_stays_even_if_it_was_declared_so_too() -> None:
    # control.follow: "what a record has set stays". The operator says paper, as declared; later
    # declarations say live, and the symbol goes live.
    cap = float(shipped().instrument(A).risk.notional_cap)
    paper = ModeChanged(control_id="paper", symbol=A, mode="paper", notional_cap=cap)

    async def run() -> None:
        log, source = empty_log(), _source([0] * 40, [(5, paper)])
        await _run(part_of(source, 20), log)
        fold = await _run(source, log, declared=redeclared(_setting("risk", "mode", "live"), A))
        assert state_of(fold, A)["mode"] == Mode.PAPER

    asyncio.run(run())


@pytest.mark.parametrize(
    "record",
    [
        PackageChanged(control_id="r", router="fx-intraday", package="0" * 64),
        DeclarationsChanged(control_id="r", declarations="0" * 64),
        SwitchThrown(control_id="r", symbol="fxcm:EURXXX", name="stop", state="thrown", reason="r"),
    ],
    ids=lambda record: record.kind,
)
def test_a_record_that_names_what_nobody_has_does_not_end_the_loop(record: ControlRecord) -> None:
    # §3.4: absent input is a fail "recorded with a reason code"; issue 3: hostile input has its
    # code and "the loop goes on". Such a record from a source ends every attempt at its block.
    async def run() -> None:
        log = empty_log()
        await _run(_source([0] * 20, [(5, record)]), log)
        assert len(await _outcomes(log)) == 20

    asyncio.run(run())


def test_hundreds_of_dated_records_for_all_symbols_are_taken_at_once() -> None:
    # ADR 0016: for many records in one batch "each is a few microseconds"; each that is dated and
    # past is compared with every pair of those before it. 200 took 2 s and 400 took 20 s.
    records = [
        (10, stop_record(f"c{i:03}", "stopped" if i % 2 else "released", at=START_NS + i))
        for i in range(200)
    ]

    async def run() -> float:
        begun = time.process_time()
        await _run(_source([0] * 20, records), empty_log())
        return time.process_time() - begun

    assert asyncio.run(run()) < 1.0


@pytest.mark.parametrize(
    ("first", "reported"),
    [
        (_fill("c1", "a:b", "c"), 10.0),
        (stop_record("fill:a:b:c", "released"), 5.0),
    ],
    ids=["another account", "a control id"],
)
def test_a_fill_is_not_taken_for_something_else(first: ControlRecord, reported: float) -> None:
    # §4.2 Books: "fills deduplicated by account and fill id"; the name made of both, joined by a
    # colon that both may hold, is also that of another account's fill or of any other record.
    async def run() -> None:
        fold = await _run(
            _source([0] * 20, [(3, first), (4, _fill("c2", "a", "b:c"))]), empty_log()
        )
        assert state_of(fold, A)["reported_position"] == reported

    asyncio.run(run())


def test_a_first_position_older_than_a_fill_does_not_hide_it() -> None:
    # §4.2 Books: "stale or contradictory: reducing decisions only"; state: "last snapshot, and
    # fills since". The fill is dropped from both sums, so that they agree.
    position = PositionReported(control_id="p", symbol=A, quantity=2.0, as_of_ns=START_NS)

    async def run() -> None:
        records: list[Placed] = [(3, _fill("c", "a", "f")), (10, position)]
        state = state_of(await _run(_source([0] * 20, records), empty_log()), A)
        assert state["reported_position"] == 7.0 or state["reported_fills"] == 7.0

    asyncio.run(run())
