"""What the fold does with control records that cannot hold: it says so, and nothing moves."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.decisions.declared import redeclared, shipped
from tests.support.decisions.kernels import reference
from tests.support.decisions.packages import eager_model, eager_package
from tests.support.decisions.rows import SECOND_NS, START_NS, quotes
from torghut.decisions.declarations import Declarations, SymbolUndeclaredError
from torghut.decisions.errors import ArmsDifferError, PackageUnknownError, SnapshotUnreadableError
from torghut.decisions.fold.batch import Decided, Refused
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.identities import Known
from torghut.decisions.fold.judging import ControlRefusal
from torghut.decisions.fold.symbols import Genesis
from torghut.decisions.kernel.engine import DecisionKernel
from torghut.decisions.recording import Taken, read_block, record_batch
from torghut.decisions.snapshot import restore_snapshot, snapshot_cites, take_snapshot
from torghut.eventlog.block import Head
from torghut.market.ports import Arrival, Cursor
from torghut.schemas.block import read_block_records
from torghut.schemas.control import (
    ControlRecord,
    DeclarationsChanged,
    FillReported,
    LagBegan,
    ModeChanged,
    PackageChanged,
)

A, B, NOWHERE = "fxcm:EURUSD", "fxcm:NZDUSD", "fxcm:XAUUSD"
_NONE = "ab" * 32
_DIGEST = "cd" * 32


@cache
def without(symbol: str) -> Declarations:
    """Return the shipped declarations as if ``symbol`` had never been declared."""
    kept = tuple(one for one in shipped().instruments if one.symbol != symbol)
    return dataclasses.replace(shipped(), instruments=kept)


@cache
def capped(symbol: str, cap: str) -> Declarations:
    """Return the shipped declarations with another notional cap for ``symbol``."""

    def change(body: dict[str, object]) -> None:
        risk = body["risk"]
        assert isinstance(risk, dict)
        risk["notional_cap"] = cap

    return redeclared(change, symbol)


def fold_of(
    declared: Declarations | None = None,
    *,
    kernel: DecisionKernel | None = None,
    shadow: bool = False,
) -> DecisionFold:
    """Return a fold that knows one source part and no symbol yet."""
    genesis = Genesis(declarations=declared or shipped(), packages={}, shadow_router=shadow)
    fold = DecisionFold(kernel=kernel or reference(), genesis=genesis)
    fold.source_index(_DIGEST)
    return fold


def contexts(fold: DecisionFold, names: Sequence[str], *, first: int = 0) -> npt.NDArray[np.void]:
    """Return one quote of each of ``names``, a second apart, the ``first`` of the run onwards."""
    rows = quotes(np.full(len(names), 1.3), step_ns=SECOND_NS)
    rows["symbol"] = [fold.symbol_index(name) for name in names]
    rows["receive_ns"] += first * SECOND_NS
    rows["event_ns"] = rows["receive_ns"]
    rows["sequence"] += first
    return rows


def decide(fold: DecisionFold, *records: ControlRecord, first: int = 0) -> Decided:
    """Let the fold take ``records`` between two contexts of A."""
    return fold.decide(
        contexts(fold, [A, A], first=first), [Arrival(row=1, record=one) for one in records]
    )


def heard_fold() -> DecisionFold:
    """Return a fold that has taken two contexts of A and one record."""
    fold = fold_of()
    decide(fold, LagBegan(control_id="taken"))
    return fold


BAD = (
    (LagBegan(control_id="taken", symbol=A), "control.id-taken"),
    (LagBegan(control_id="c", symbol=NOWHERE), "control.symbol-undeclared"),
    (DeclarationsChanged(control_id="c", declarations=_NONE), "control.declarations-unknown"),
    (
        DeclarationsChanged(control_id="c", declarations=without(A).digest),
        "control.symbol-dropped",
    ),
    (
        PackageChanged(control_id="c", router="fx-intraday", package=_NONE),
        "control.package-unknown",
    ),
)


@pytest.mark.parametrize(("record", "code"), BAD)
def test_record_that_cannot_hold_is_refused_with_its_code_and_moves_nothing(
    record: ControlRecord, code: str
) -> None:
    fold, plain = heard_fold(), heard_fold()
    for one in (fold, plain):
        one.register(without(A))

    decided = decide(fold, record, first=2)
    same = decide(plain, first=2)

    assert [(one.arrival.row, one.arrival.record, one.code) for one in decided.refused] == [
        (1, record, code)
    ]
    assert decided.arms["serving"] == same.arms["serving"]
    assert (decided.received, decided.repeated, decided.applied) == ([], [], [])
    assert take_snapshot(fold) == take_snapshot(plain)


def test_loop_goes_on_behind_a_refused_record() -> None:
    fold = heard_fold()
    bad, good = BAD[1][0], LagBegan(control_id="good", symbol=A)

    decided = decide(fold, bad, good, first=2)

    assert [one.record for one in decided.received] == [good]
    assert [one.control_id for one in decided.applied] == ["good"]
    assert decided.outcomes.tolist() == [0, 0]


@pytest.mark.parametrize(("record", "code"), BAD)
def test_block_keeps_a_refused_record_with_its_code(record: ControlRecord, code: str) -> None:
    fold = heard_fold()
    fold.register(without(A))
    rows = contexts(fold, [A, A], first=2)
    taken = Taken(contexts=rows, quarantined=(), cursor=Cursor(record=4), first_symbol=1)

    decided = fold.decide(rows, [Arrival(row=1, record=record)])
    block = record_batch(fold, taken, decided, Head(partition=0, number=0, digest="ef" * 32))

    refused = read_block_records(block.records).refused
    assert [(one.row, one.code, one.record) for one in refused] == [(1, code, record)]
    assert read_block(block).received == []


def test_judging_changes_nothing() -> None:
    fold = heard_fold()
    before = take_snapshot(fold)

    judged = [fold.judge(record) for record, _ in BAD[:3]]

    assert judged == [
        ControlRefusal.ID_TAKEN,
        ControlRefusal.SYMBOL_UNDECLARED,
        ControlRefusal.DECLARATIONS_UNKNOWN,
    ]
    assert fold.judge(LagBegan(control_id="taken")) is Known.REPEATED
    assert fold.judge(LagBegan(control_id="c", symbol=B)) is Known.NEW
    assert take_snapshot(fold) == before


def test_record_taken_before_is_repeated_though_it_could_not_hold_any_more() -> None:
    fold = fold_of()
    fold.register(without(A))
    decide(fold, first=0)  # A is heard
    gone = fold_of()
    gone.register(without(A))
    record = DeclarationsChanged(control_id="c", declarations=without(A).digest)
    gone.decide(contexts(gone, [B]), [Arrival(row=0, record=record)])
    decide(gone, first=1)

    assert fold.judge(record) is ControlRefusal.SYMBOL_DROPPED
    assert gone.judge(record) is Known.REPEATED


def test_fill_under_an_id_of_its_account_that_another_has_is_refused() -> None:
    fold = fold_of()

    def fill(control_id: str, quantity: float) -> FillReported:
        return FillReported(
            control_id=control_id, symbol=A, fill_id="f", quantity=quantity, price=1.3
        )

    decided = decide(fold, fill("one", 1.0), fill("two", 1.0), fill("three", 2.0))

    assert [one.record.control_id for one in decided.received] == ["one"]
    assert [one.record.control_id for one in decided.repeated] == ["two"]
    assert [one.code for one in decided.refused] == ["control.id-taken"]


def test_refused_id_may_be_used_again() -> None:
    fold = heard_fold()
    decide(fold, LagBegan(control_id="c", symbol=NOWHERE), first=2)

    assert fold.judge(LagBegan(control_id="c", symbol=A)) is Known.NEW


@pytest.mark.parametrize("size", [1, 2, 5])
def test_whether_declarations_are_refused_does_not_depend_on_batches(size: int) -> None:
    # B comes after them in the same batch, or in a later one.
    fold = fold_of()
    fold.register(without(B))
    record = DeclarationsChanged(control_id="c", declarations=without(B).digest)
    names, refused, rows = [A, A, B, A, B], list[Refused](), b""
    for start in range(0, len(names), size):
        stop = min(start + size, len(names))
        batch = contexts(fold, names[start:stop], first=start)
        arrivals = [Arrival(row=1 - start, record=record)] if start <= 1 < stop else []
        decided = fold.decide(batch, arrivals)
        refused += decided.refused
        rows += decided.arms["serving"].rows

    whole = fold_of()
    whole.register(without(B))
    expected = whole.decide(contexts(whole, names), [Arrival(row=1, record=record)])
    assert refused == expected.refused == []
    assert rows == expected.arms["serving"].rows


def test_symbol_that_new_declarations_drop_unheard_keeps_those_it_is_born_with() -> None:
    fold = fold_of()
    fold.register(without(B))
    record = DeclarationsChanged(control_id="c", declarations=without(B).digest)

    decided = fold.decide(contexts(fold, [A, A, B]), [Arrival(row=1, record=record)])

    assert len(decided.applied) == 2
    held = {facts.name: facts.declarations for facts in fold.symbols}
    assert held == {A: without(B).digest, B: shipped().digest}


def test_symbol_without_its_package_is_not_half_born() -> None:
    genesis = Genesis(declarations=shipped(), packages={"fx-intraday": _NONE})
    fold = DecisionFold(kernel=reference(), genesis=genesis)

    with pytest.raises(PackageUnknownError):
        fold.symbol_index(A)

    assert (fold.symbols, len(fold.arms["serving"]), len(fold.tables.parameters)) == ([], 0, 0)
    fold.packages[_NONE] = eager_model()
    assert fold.symbol_index(A) == 0


def test_known_package_is_taken() -> None:
    fold, package = fold_of(), eager_package()
    fold.packages[package.digest] = eager_model()

    decide(fold, PackageChanged(control_id="p", router="fx-intraday", package=package.digest))

    assert fold.symbols[0].package == package.digest


def test_symbol_declared_after_the_log_began_is_declared() -> None:
    fold = fold_of(without(B))
    with pytest.raises(SymbolUndeclaredError, match=B):
        fold.declared_for(B)

    fold.register(shipped())

    assert fold.declared_for(B) is shipped()
    assert fold.declared_for(A) is fold.genesis.declarations


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_snapshot_keeps_the_order_in_which_declarations_came(order: tuple[int, int]) -> None:
    both = [capped(B, "2000"), capped(B, "1000")]
    first, second = both[order[0]], both[order[1]]
    fold = fold_of(without(B))
    fold.register(first)
    fold.register(second)
    far = START_NS + 10**6 * SECOND_NS
    for number, one in enumerate((first, second)):
        changed = DeclarationsChanged(
            control_id=str(number), declarations=one.digest, effective_at_ns=far
        )
        decide(fold, changed, first=2 * number)

    body = take_snapshot(fold)
    again = DecisionFold(kernel=fold.kernel, genesis=fold.genesis)
    known = {one.digest: one for one in (*both, without(B))}
    for digest in snapshot_cites(body).declarations:
        again.register(known[digest])
    restore_snapshot(again, body)

    assert again.declared_for(B) is fold.declared_for(B) is first
    assert list(again.declarations) == list(fold.declarations)
    assert take_snapshot(again) == body


@pytest.mark.parametrize("spoil", [slice(0), slice(20), slice(None, -1), slice(1, None)])
def test_body_that_is_no_snapshot_is_said_to_be_none(spoil: slice) -> None:
    with pytest.raises(SnapshotUnreadableError):
        snapshot_cites(take_snapshot(heard_fold())[spoil])


def test_arms_that_stop_apart_are_an_error_before_anything_is_told() -> None:
    calls = 0

    def run(*_: object) -> tuple[int, int]:
        nonlocal calls
        calls += 1
        return (2, 2) if calls % 2 else (1, 1)

    fold = fold_of(kernel=DecisionKernel(run=run, build="0" * 64), shadow=True)

    with pytest.raises(ArmsDifferError) as raised:
        fold.decide(contexts(fold, [A, A]))

    assert raised.value.exit_code == 4
    assert raised.value.taken == {"serving": 2, "router": 1}


def test_mode_of_an_unheard_symbol_waits_for_it() -> None:
    fold = fold_of()

    decided = decide(fold, ModeChanged(control_id="m", symbol=B, mode="live", notional_cap=5.0))

    assert (len(decided.received), decided.applied) == (1, [])
    assert [facts.name for facts in fold.symbols] == [A, B]
