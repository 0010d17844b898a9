"""The door to the kernel refuses every array that compiled code would misread."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.decisions.kernels import compiled
from tests.support.decisions.rows import quotes, state_rows, tables, walk
from torghut.decisions.errors import KernelInputError
from torghut.decisions.kernel.engine import Tables
from torghut.schemas.rows import CONTEXT, DECISION, PARAMETERS, SESSION, SOURCE


def test_too_few_rows_for_decisions_are_refused() -> None:
    short = np.zeros(3, DECISION)

    with pytest.raises(KernelInputError, match="at least 20 rows"):
        compiled().decide(walk(20), state_rows(), tables(), short, np.zeros(20, np.uint8))


def test_an_index_beyond_the_tables_is_refused() -> None:
    contexts = quotes([1.3, 1.3])
    contexts["symbol"][1] = 1

    with pytest.raises(KernelInputError, match="indices below 1"):
        compiled().decide(
            contexts, state_rows(), tables(), np.zeros(2, DECISION), np.zeros(2, np.uint8)
        )


def test_a_read_only_or_strided_array_is_refused() -> None:
    contexts = walk(20)
    frozen = np.frombuffer(contexts.tobytes(), CONTEXT)

    for wrong in (frozen, contexts[::2]):
        with pytest.raises(KernelInputError, match="contiguous and writable"):
            compiled().decide(
                wrong, state_rows(), tables(), np.zeros(20, DECISION), np.zeros(20, np.uint8)
            )


def test_another_layout_is_refused_and_changes_nothing() -> None:
    states = state_rows()
    before = states.tobytes()

    with pytest.raises(KernelInputError, match="contexts"):
        compiled().decide(
            np.zeros(2, DECISION), states, tables(), np.zeros(2, DECISION), np.zeros(2, np.uint8)
        )
    assert states.tobytes() == before


def test_tables_of_another_layout_are_refused_when_made() -> None:
    with pytest.raises(KernelInputError, match="sources"):
        Tables(
            parameters=np.zeros(1, PARAMETERS),
            sources=np.zeros(1, SESSION),
            sessions=np.zeros(0, SESSION),
            due_ns=np.zeros(1, np.int64),
        )
    assert (
        len(
            Tables(
                parameters=np.zeros(1, PARAMETERS),
                sources=np.zeros(1, SOURCE),
                sessions=np.zeros(0, SESSION),
                due_ns=np.zeros(1, np.int64),
            ).sources
        )
        == 1
    )
