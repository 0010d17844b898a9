"""Control records: each in force where it belongs, whatever the restarts and the symbols beside."""

from __future__ import annotations

import asyncio

import numpy as np

from tests.support.decisions.loops import (
    LATCH,
    A,
    B,
    drifting,
    empty_log,
    made_setup,
    part_of,
    restarted_root,
    root_of,
    run_on,
    source_of,
    state_of,
    stop_record,
)
from tests.support.decisions.rows import SECOND_NS, START_NS
from torghut.decisions.recording import read_block
from torghut.decisions.snapshot import take_snapshot
from torghut.schemas.block import read_block_records
from torghut.schemas.control import LimitsAllotted, NewsArrived, SwitchThrown
from torghut.schemas.rows import DECISION, RowArray
from torghut.workflows.opening import open_fold


def test_a_restart_keeps_the_order_of_records_that_wait() -> None:
    # §4.2/§3.2: "the same decision, bit for bit, whatever the batching, partitioning or restart".
    # A stops at 500 s, is released at once at 900 s; A's next context comes after both, and after
    # a restart without a snapshot. Uninterrupted it is released; restarted it stays stopped.
    rows = drifting([0] * 20 + [1] * 40 + [0] * 40)
    source = source_of(
        rows,
        [
            (0, stop_record("stop", "stopped", at=START_NS + 500 * SECOND_NS)),
            (45, stop_record("release", "released")),
        ],
    )

    async def run() -> None:
        assert await restarted_root(source, 60) == await root_of(source)

    asyncio.run(run())


def test_a_restart_does_not_release_a_stop() -> None:
    # The same defect, the dangerous way round: §4.3 while stopped no exposure is raised.
    rows = drifting([0] * 20 + [1] * 40 + [0] * 40)
    source = source_of(
        rows,
        [
            (0, stop_record("release", "released", at=START_NS + 500 * SECOND_NS)),
            (45, stop_record("stop", "stopped")),
        ],
    )

    async def run() -> None:
        log = empty_log()
        await run_on(part_of(source, 60), log)
        fold = await run_on(source, log)
        whole = await run_on(source, empty_log())
        assert state_of(fold, A)["switches"] == state_of(whole, A)["switches"]

    asyncio.run(run())


def test_a_superseded_record_does_not_come_back_after_a_restart() -> None:
    # §4.2 "replay uses nothing else" than logged positions; a symbol born by a record of its own.
    rows = drifting([0] * 20 + [1] * 40)
    source = source_of(
        rows,
        [
            (0, stop_record("release", "released")),
            (0, stop_record("stop", "stopped")),
            (0, LimitsAllotted(control_id="l", symbol=B, allotment=50_000.0)),
        ],
    )

    async def run() -> None:
        log = empty_log()
        await run_on(
            part_of(source, 40), log, size=20
        )  # B is born by its limits, in a block of A's
        fold = await run_on(source, log, size=20)
        assert state_of(fold, B)["switches"] & LATCH

    asyncio.run(run())


def test_the_fold_decided_again_is_the_fold() -> None:
    # §3.1: everything else is a projection that can be rebuilt byte for byte.
    rows = drifting([0] * 20 + [1] * 40)
    source = source_of(
        rows,
        [
            (10, stop_record("later", "stopped", at=START_NS + 10**6 * SECOND_NS)),
            (45, stop_record("release", "released")),
        ],
    )

    async def run() -> None:
        log = empty_log()
        fold = await run_on(source, log)
        again = (await open_fold(log, made_setup())).fold
        assert again.waiting == fold.waiting
        assert take_snapshot(again) == take_snapshot(fold)

    asyncio.run(run())


def test_a_record_that_never_applies_changes_no_interleaving() -> None:
    # §4.2: "Nothing read from another symbol ... may change a decision"; one file after another
    # and both merged by time give each symbol the same contexts and the same records.
    merged = drifting([0, 1] * 60)
    order = np.concatenate([np.flatnonzero(merged["symbol"] == s) for s in (0, 1)])
    stop = stop_record("stop", "stopped", at=START_NS + 600 * SECOND_NS)
    release = stop_record("release", "released", at=START_NS + 1500 * SECOND_NS)
    never = SwitchThrown(
        control_id="never",
        name="deterministic-only",
        state="thrown",
        reason="r",
        effective_at_ns=START_NS + 10**8 * SECOND_NS,
    )
    one = source_of(merged, [(0, stop), (0, release), (0, never)])
    two = source_of(merged[order], [(0, stop), (0, release), (59, never)])

    async def run() -> None:
        assert await root_of(two, size=60) == await root_of(one)

    asyncio.run(run())


def test_another_symbols_clock_does_not_order_a_symbols_records() -> None:
    # §4.2: "Nothing read from another symbol, partition, clock or thread may change a decision".
    # The stop is due at 1000 s. The release comes at once, after A's context at 200 s; whether B
    # has been heard by then or not is nothing to A.
    stop = stop_record("stop", "stopped", at=START_NS + 1000 * SECOND_NS)
    release = stop_record("release", "released")
    quiet = drifting([0] * 10 + [1] + [0] * 40)
    quiet["receive_ns"][11:] += 2000 * SECOND_NS
    quiet["receive_ns"][10] = START_NS + 300 * SECOND_NS
    loud = quiet.copy()
    loud["receive_ns"][10] = START_NS + 1500 * SECOND_NS
    for rows in (quiet, loud):
        rows["event_ns"] = rows["receive_ns"]

    async def decided(rows: RowArray) -> bytes:
        log = empty_log()
        await run_on(source_of(rows, [(0, stop), (11, release)]), log)
        found: list[bytes] = []
        async for block in log.blocks(0):
            of_a = np.frombuffer(block.arms["serving"].rows, DECISION)
            key = of_a["symbol_key"][0]  # A is first
            found.append(of_a[of_a["symbol_key"] == key].tobytes())
        return b"".join(found)

    async def run() -> None:
        assert await decided(quiet) == await decided(loud)

    asyncio.run(run())


def test_a_refused_context_does_not_put_a_future_record_in_force() -> None:
    # §4.2: placed before the first context with receive time >= effective_at; a time that is
    # itself refused (market.time-out-of-range) must not lift tomorrow's stop today.
    rows = drifting([0] * 40)
    rows["receive_ns"][15] = 2**63 - 1
    source = source_of(
        rows,
        [
            (0, stop_record("stop", "stopped")),
            (0, stop_record("release", "released", at=START_NS + 86_400 * SECOND_NS)),
        ],
    )

    async def run() -> None:
        fold = await run_on(source, empty_log())
        assert state_of(fold, A)["switches"] & LATCH

    asyncio.run(run())


def test_a_refused_contexts_time_is_not_when_news_came() -> None:
    # The same: the record is stamped with the garbage time and stays fresh for ever.
    rows = drifting([0] * 40)
    rows["receive_ns"][15] = 2**63 - 1
    news = NewsArrived(control_id="n", item_id="n", published_at_ns=START_NS, relevant=True)

    async def run() -> None:
        fold = await run_on(source_of(rows, [(15, news)]), empty_log())
        assert state_of(fold, A)["news_relevant_ns"] <= rows["receive_ns"][39]

    asyncio.run(run())


def test_an_id_used_again_for_something_else_is_not_dropped_in_silence() -> None:
    # §3.4: "never a silent default": the operator's second stop carries the id of the first. An
    # id counts once, so the second has no effect; the block says so and keeps it.
    rows = drifting([0] * 40)
    first, second = stop_record("s", "stopped", symbol=B), stop_record("s", "stopped", symbol=A)
    source = source_of(rows, [(5, first), (10, first), (20, second)])

    async def run() -> None:
        log = empty_log()
        fold = await run_on(source, log)
        (block,) = [block async for block in log.blocks(0)]
        records = read_block_records(block.records)
        assert read_block(block).header.counts.contexts == 40
        assert [(r.row, r.control_id) for r in records.repeated] == [(10, "s")]
        assert [(r.row, r.code, r.record) for r in records.refused] == [
            (20, "control.id-taken", second)
        ]
        assert not state_of(fold, A)["switches"] & LATCH

    asyncio.run(run())
