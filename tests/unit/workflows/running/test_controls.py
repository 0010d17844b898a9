"""The way in for control records: nothing of an offer holds unless all of it can."""

from __future__ import annotations

import dataclasses

import pytest

from tests.fakes.eventlog import run
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import reference
from tests.support.decisions.loops import (
    A,
    B,
    drifting,
    empty_log,
    made_setup,
    part_of,
    run_on,
    source_of,
)
from tests.support.decisions.packages import eager_package
from tests.support.decisions.reporting import report_fill
from torghut.decisions.declarations import Declarations
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.judging import ControlRefusal
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.snapshot import snapshot_key, take_snapshot
from torghut.eventlog.errors import ObjectMissingError
from torghut.eventlog.ports import Snapshot
from torghut.schemas.control import (
    ControlRecord,
    DeclarationsChanged,
    LagBegan,
    LagEnded,
    PackageChanged,
)
from torghut.workflows.opening import open_fold
from torghut.workflows.running.controls import (
    RECORD_BYTES_MAX,
    Offered,
    judge_for_new_log,
    parse_control,
    submit,
)
from torghut.workflows.running.errors import ControlMalformedError, ControlRefusedError
from torghut.workflows.running.lifecycle import RunRequest, begin, finish

NOWHERE = "fxcm:XAUUSD"
_NONE = "ab" * 32


def offer(*records: ControlRecord) -> list[Offered]:
    """Return ``records`` as if each stood in a line of a file."""
    return [Offered(record=one, place=f"line {i + 1}") for i, one in enumerate(records)]


def fresh_fold() -> DecisionFold:
    """Return a fold that has taken nothing."""
    return DecisionFold(kernel=reference(), genesis=Genesis(declarations=shipped(), packages={}))


def without(symbol: str) -> Declarations:
    """Return the shipped declarations as if ``symbol`` had never been declared."""
    kept = tuple(one for one in shipped().instruments if one.symbol != symbol)
    return dataclasses.replace(shipped(), instruments=kept)


def test_record_is_parsed_with_its_place() -> None:
    parsed = parse_control(b' {"kind": "lag-begin", "control_id": "a"}', "line 3")

    assert parsed == Offered(record=LagBegan(control_id="a"), place="line 3")


@pytest.mark.parametrize(
    ("body", "expected", "found"),
    [
        (b"[]", "one JSON object", ""),
        (b"\xff", "one JSON object", ""),
        (b'{"kind": "hurry"}', "kind", "hurry"),
        (b'{"kind": "lag-begin", "control_id": 1}', "control_id", "1"),
        (b" " * (RECORD_BYTES_MAX + 1), f"at most {RECORD_BYTES_MAX} bytes", "more"),
    ],
)
def test_what_is_no_control_record_is_refused_with_its_place(
    body: bytes, expected: str, found: str
) -> None:
    with pytest.raises(ControlMalformedError, match=r"^line 3: ") as raised:
        parse_control(body, "line 3")

    assert expected in raised.value.expected
    assert found in raised.value.found


def test_records_are_submitted_in_order_and_each_once() -> None:
    first, second = LagBegan(control_id="a"), LagEnded(control_id="b")

    submitted = submit(fresh_fold(), offer(first, second, first))

    assert (submitted.fresh, submitted.repeated) == ([first, second], 1)


def test_records_are_judged_after_those_that_come_before_them() -> None:
    before = LagBegan(control_id="a")

    assert submit(fresh_fold(), offer(before), [before]).fresh == []
    with pytest.raises(ControlRefusedError) as raised:
        submit(fresh_fold(), offer(LagEnded(control_id="a")), [before])

    assert raised.value.refusal is ControlRefusal.ID_TAKEN


@pytest.mark.parametrize(
    ("record", "refusal"),
    [
        (LagEnded(control_id="a"), ControlRefusal.ID_TAKEN),
        (LagBegan(control_id="c", symbol=NOWHERE), ControlRefusal.SYMBOL_UNDECLARED),
        (
            DeclarationsChanged(control_id="c", declarations=_NONE),
            ControlRefusal.DECLARATIONS_UNKNOWN,
        ),
        (PackageChanged(control_id="c", router="r", package=_NONE), ControlRefusal.PACKAGE_UNKNOWN),
        (report_fill("g", 1.0, replaces="f"), ControlRefusal.FILL_UNKNOWN),
    ],
)
def test_one_record_that_cannot_hold_refuses_them_all_and_moves_nothing(
    record: ControlRecord, refusal: ControlRefusal
) -> None:
    fold = fresh_fold()
    before = take_snapshot(fold)

    with pytest.raises(ControlRefusedError, match=f"^line 2: {refusal}: expected ") as raised:
        submit(fold, offer(LagBegan(control_id="a"), record))

    assert (raised.value.refusal, raised.value.exit_code) == (refusal, 2)
    assert take_snapshot(fold) == before


def test_fill_and_its_correction_are_submitted_together_and_corrected_once() -> None:
    fill, correction = report_fill("f", 2.0), report_fill("g", 1.0, replaces="f")
    fold = fresh_fold()
    before = take_snapshot(fold)

    assert submit(fold, offer(fill, correction)).fresh == [fill, correction]
    with pytest.raises(ControlRefusedError, match="nothing replaces yet, found f; ") as raised:
        submit(fold, offer(report_fill("h", 3.0, replaces="f")), [fill, correction])

    assert raised.value.refusal is ControlRefusal.FILL_REPLACED
    assert take_snapshot(fold) == before


def test_declarations_without_a_symbol_that_was_heard_are_refused_by_its_name() -> None:
    async def scenario() -> None:
        fold = await run_on(source_of(drifting([0, 0])), empty_log())
        fold.register(without(A))
        record = DeclarationsChanged(control_id="c", declarations=without(A).digest)

        with pytest.raises(ControlRefusedError, match=f"without {A}; declare them all"):
            submit(fold, offer(record))

    run(scenario())


def test_new_log_judges_by_what_it_would_begin_with() -> None:
    setup, package = made_setup(packages={}), eager_package()
    record = PackageChanged(control_id="p", router="fx-intraday", package=package.digest)

    judge_for_new_log(setup, [package], offer(record))

    with pytest.raises(ControlRefusedError):
        judge_for_new_log(setup, [], offer(record))


def test_refused_offer_puts_nothing_into_the_log() -> None:
    async def scenario() -> None:
        log, source = empty_log(), source_of(drifting([0] * 10))
        package = eager_package("fx-other")
        request = RunRequest(
            source=source,
            setup=made_setup(),
            offered=offer(LagBegan(control_id="c", symbol=NOWHERE)),
            packages=[package],
        )

        with pytest.raises(ControlRefusedError):
            await begin(log, request)

        assert (await log.head(0)).number == -1
        with pytest.raises(ObjectMissingError):
            await log.get_object(package.digest)

    run(scenario())


def test_mode_is_put_in_force_for_an_instrument_declared_after_the_log_began() -> None:
    async def scenario() -> None:
        log, source = empty_log(), source_of(drifting([0] * 10 + [1, 0] * 5))
        await run_on(part_of(source, 10), log, declared=without(B))
        request = RunRequest(source=source, setup=made_setup(), mode="live")

        begun = await begin(log, request)
        await finish(begun, request, ())

        states = {facts.name: i for i, facts in enumerate(begun.run.fold.symbols)}
        modes = begun.run.fold.arms["serving"]["mode"]
        assert [int(modes[states[name]]) for name in (A, B)] == [2, 2]

    run(scenario())


def test_snapshot_that_cannot_be_read_is_none() -> None:
    async def scenario() -> None:
        log, source = empty_log(), source_of(drifting([0, 1] * 10))
        fold = await run_on(part_of(source, 10), log, snapshot=True)
        head = await log.head(0)
        kept = Snapshot(
            partition=0, block_number=head.number, key=snapshot_key(fold), body=b"other"
        )
        await log.save_snapshot(kept)

        opened = await open_fold(log, made_setup())

        assert opened.redecided == head.number + 1
        assert take_snapshot(opened.fold) == take_snapshot(fold)

    run(scenario())
