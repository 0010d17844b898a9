"""Machine code does what its function does, and is called with nothing that it does not expect."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.fakes.machine_code import MemoryCode
from torghut.kernel.native import loading
from torghut.kernel.native.compiled import build_digest, compiled
from torghut.kernel.native.images import MachineCode, to_bytes
from torghut.kernel.native.loading import build_name, entry, is_kept
from torghut.schemas.rows import Floats, Integers, RowArray

PLAIN: Final = np.dtype([("a", "<f8"), ("b", "<f8")])
TURNED: Final = np.dtype([("b", "<f8"), ("a", "<f8")])
WIDER: Final = np.dtype([("a", "<f8"), ("x", "<f8"), ("b", "<f8")])
SHORTER: Final = np.dtype([("a", "<f8"), ("flag", "u1"), ("b", "<f8")])


def second_number(rows: RowArray) -> float:
    """Return the number called ``b`` of the first row."""
    number: float = rows[0].b
    return number


@compiled
def _twice(x: float) -> float:
    return x + x


def sums(table: Floats, counts: Integers, first: int) -> tuple[int, int]:
    """Double ``table`` in place; return its places and the sum of counts from ``first`` on."""
    total = 0
    for i in range(first, len(counts)):
        total += counts[i]
    for row in range(table.shape[0]):
        for column in range(table.shape[1]):
            table[row, column] = _twice(table[row, column])
    return table.shape[0] * table.shape[1], total


def nested(pair: tuple[Floats, tuple[Integers, int]], place: int) -> float:
    """Return a number out of the first array by the second."""
    found: float = pair[0][pair[1][0][place]] + pair[1][1]
    return found


def answers(values: Floats) -> bool:
    """Return what is neither an integer nor a float."""
    positive: bool = values[0] > 0.0
    return positive


SUMS_LIKE: Final = (np.zeros((0, 0)), np.zeros(0, np.int64), 0)


@pytest.fixture
def store() -> MemoryCode:
    """Return what keeps machine code."""
    return MemoryCode()


@pytest.mark.parametrize("layout", [PLAIN, TURNED, WIDER, SHORTER], ids=str)
def test_rows_of_another_layout_are_never_served_the_code_of_the_old_one(
    store: MemoryCode, layout: np.dtype[np.void]
) -> None:
    for one in (PLAIN, TURNED, WIDER, SHORTER):
        entry(second_number, (np.zeros(0, one),), store)
    rows = np.zeros(2, layout)
    rows["a"], rows["b"] = 1.0, 2.0

    assert entry(second_number, (np.zeros(0, layout),), store)(rows) == 2.0


def test_arrays_of_two_dimensions_numbers_and_pieces(store: MemoryCode) -> None:
    table, counts = np.arange(6.0).reshape(2, 3), np.array([1, 2, 3, 4], np.int64)
    plain = table.copy()

    found = entry(sums, SUMS_LIKE, store)(table, counts, 1)

    assert found == sums(plain, counts, 1) == (6, 9)
    assert table.tolist() == plain.tolist() == [[0.0, 2.0, 4.0], [6.0, 8.0, 10.0]]


def test_tuples_of_arrays_are_taken_apart(store: MemoryCode) -> None:
    like = ((np.zeros(0), (np.zeros(0, np.int64), 0)), 0)
    given = ((np.array([0.5, 1.5]), (np.array([1, 0], np.int64), 10)), 0)

    assert entry(nested, like, store)(*given) == nested(*given) == 11.5


def test_second_time_nothing_is_compiled(
    store: MemoryCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not is_kept(sums, SUMS_LIKE, store)
    entry(sums, SUMS_LIKE, store)
    monkeypatch.setattr(loading, "_compile", _never)

    assert is_kept(sums, SUMS_LIKE, store)
    assert entry(sums, SUMS_LIKE, store)(np.ones((1, 1)), np.ones(1, np.int64), 0) == (1, 1)


def _never(*_: object) -> None:
    pytest.fail("compiled again")


def test_code_is_kept_under_its_build(store: MemoryCode) -> None:
    entry(sums, SUMS_LIKE, store)

    assert build_name(sums) == f"sums-{build_digest(sums)[:32]}"
    assert [build for build, _ in store.kept] == [build_name(sums)]


def test_without_a_store_code_lives_in_memory() -> None:
    assert entry(sums, SUMS_LIKE, None)(np.ones((1, 1)), np.ones(1, np.int64), 0) == (1, 1)


@pytest.mark.parametrize("damage", ["cut", "turned", "emptied", "gone"])
def test_code_that_is_not_as_it_was_written_is_compiled_again(
    store: MemoryCode, damage: str
) -> None:
    entry(sums, SUMS_LIKE, store)
    ((place, data),) = store.kept.items()
    middle = len(data) // 2
    match damage:
        case "cut":
            store.kept[place] = data[:-1]
        case "turned":
            turned = bytes([data[middle] ^ 1])
            store.kept[place] = data[:middle] + turned + data[middle + 1 :]
        case "emptied":
            store.kept[place] = b""
        case _:
            store.kept.clear()

    assert not is_kept(sums, SUMS_LIKE, store)
    _compiles_again(store)


@pytest.mark.parametrize(
    "image", [b"", b"no object file", b"\x7fELF"], ids=["empty", "text", "magic alone"]
)
def test_code_that_cannot_be_linked_is_compiled_again(store: MemoryCode, image: bytes) -> None:
    entry(sums, SUMS_LIKE, store)
    (place,) = store.kept
    store.kept[place] = to_bytes(MachineCode(image=image, results="qq", alone=False))

    _compiles_again(store)


def test_code_without_a_door_is_compiled_again(
    store: MemoryCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry(sums, SUMS_LIKE, store)
    monkeypatch.setattr(loading, "DOOR", "another_door")
    monkeypatch.setattr(loading, "_compile", _compiles)

    with pytest.raises(NotImplementedError):
        entry(sums, SUMS_LIKE, store)


def _compiles(*_: object) -> None:
    raise NotImplementedError


def _compiles_again(store: MemoryCode) -> None:
    """Check that what is kept is replaced by what can be called."""
    assert entry(sums, SUMS_LIKE, store)(np.ones((1, 1)), np.ones(1, np.int64), 0) == (1, 1)
    assert is_kept(sums, SUMS_LIKE, store)


def test_code_is_kept_for_the_processor_it_was_compiled_for(
    store: MemoryCode, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry(sums, SUMS_LIKE, store)

    monkeypatch.setattr("llvmlite.binding.get_host_cpu_name", lambda: "another")

    assert not is_kept(sums, SUMS_LIKE, store)


@pytest.mark.parametrize(
    "wrong",
    [
        (np.zeros((1, 1), np.float32), np.zeros(1, np.int64), 0),
        (np.zeros(1), np.zeros(1, np.int64), 0),
        (np.zeros((4, 4))[::2], np.zeros(1, np.int64), 0),
        (np.zeros((1, 1)), np.zeros(1, np.uint64), 0),
        (np.zeros((1, 1)), [1, 2], 0),
        (None, np.zeros(1, np.int64), 0),
    ],
    ids=["another type", "another shape", "strided", "unsigned", "a list", "nothing"],
)
def test_what_it_was_not_compiled_for_is_refused(
    store: MemoryCode, wrong: Sequence[object]
) -> None:
    run = entry(sums, SUMS_LIKE, store)

    with pytest.raises(TypeError, match="sums: expected contiguous arrays"):
        run(*wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [(), (np.zeros((1, 1)),)], ids=["none", "one"])
def test_too_few_arguments_are_refused(store: MemoryCode, wrong: Sequence[object]) -> None:
    with pytest.raises(ValueError, match="zip"):
        entry(sums, SUMS_LIKE, store)(*wrong)  # type: ignore[arg-type]


def test_what_returns_no_number_is_refused(store: MemoryCode) -> None:
    with pytest.raises(TypeError, match="int64 or float64"):
        entry(answers, (np.zeros(0),), store)


@pytest.mark.slow
def test_whoever_finds_code_kept_needs_no_compiler(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from torghut.adapters.filesystem.machine_code.keeping import FolderCode\n"
        "from torghut.adapters.sources.decoding.scanner import compiled_scanner\n"
        f"compiled_scanner(FolderCode(Path({str(tmp_path / 'cache')!r})))\n"
        "print('numba' in sys.modules)"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", script], check=True, capture_output=True, text=True
        ).stdout.strip()
        for _ in range(2)
    ]

    assert found == ["True", "False"]
