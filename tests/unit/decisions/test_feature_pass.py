"""The feature pass sees what the kernel sees, sample by sample, whatever the batches."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import pytest

from tests.support.decisions.kernels import compiled, feature_pass
from tests.support.decisions.rows import (
    SECOND_NS,
    RowArray,
    decide,
    quotes,
    state_rows,
    tables,
    walk,
)
from torghut.decisions.errors import KernelInputError
from torghut.decisions.kernel.feature_pass import FeaturePass, SampleRow, sample_rows
from torghut.schemas.codes import Gate
from torghut.schemas.rows import CONTEXT, PARAMETERS, ContextRow, ParameterRow, Rows, StateRow


def passed(contexts: RowArray, *, symbols: int = 1, cut: int | None = None) -> RowArray:
    """Return the samples of ``contexts``, taken in one batch or in two."""
    passing = feature_pass().begin(tables(symbols).parameters)
    parts = [contexts] if cut is None else [contexts[:cut].copy(), contexts[cut:].copy()]
    return np.concatenate([passing.take(part) for part in parts])


def test_last_sample_holds_the_features_that_the_kernel_holds() -> None:
    contexts = walk(800, seed=3)
    states = state_rows()

    decide(compiled(), contexts, states, tables())
    samples = passed(contexts)

    assert samples["features"][-1].tobytes() == states["features"][0].tobytes()
    assert samples["samples"][-1] == states["samples"][0]
    assert samples["receive_ns"][-1] == states["sample_ns"][0]


def test_samples_name_contexts_that_the_kernel_decides_at_the_same_price() -> None:
    contexts = walk(800, symbols=2, seed=4)

    decisions, outcomes = decide(compiled(), contexts, state_rows(2), tables(2))
    samples = passed(contexts, symbols=2)

    places = samples["context"].astype(np.int64)
    rows = decisions[(np.cumsum(outcomes == 0) - 1)[places]]
    assert (outcomes[places] == 0).all()
    assert (rows["reference_price"] == samples["mid"]).all()
    assert (rows["receive_ns"] == samples["receive_ns"]).all()
    assert (contexts["symbol"][places] == samples["symbol"]).all()


def test_cost_is_the_round_trip_that_confidence_is_judged_by() -> None:
    contexts = walk(400, seed=5)
    row = tables().parameters[0]

    decisions, outcomes = decide(compiled(), contexts, state_rows(), tables())
    samples = passed(contexts)

    places = (np.cumsum(outcomes == 0) - 1)[samples["context"].astype(np.int64)]
    spread = decisions["gate_value"][places, Gate.SPREAD]
    expected = spread + 2.0 * (row["fee_ratio"] + row["slippage_ratio"])
    assert samples["cost_ratio"] == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("cut", [0, 1, 7, 399, 800])
def test_batches_change_nothing(cut: int) -> None:
    contexts = walk(800, symbols=3, seed=6)

    assert passed(contexts, symbols=3, cut=cut).tobytes() == passed(contexts, symbols=3).tobytes()


def test_compiled_and_interpreted_agree() -> None:
    contexts = walk(300, seed=7)
    plain = FeaturePass(run=in_python, build="interpreted")

    found = plain.begin(tables().parameters).take(contexts)

    assert found.tobytes() == passed(contexts).tobytes()


def in_python(
    contexts: RowArray,
    states: RowArray,
    parameters: RowArray,
    gaps: npt.NDArray[np.uint8],
    samples: RowArray,
    first: int,
) -> int:
    """Run the pass as plain Python, rows as records."""
    return sample_rows(
        cast("Rows[ContextRow]", contexts.view(np.recarray)),
        cast("Rows[StateRow]", states.view(np.recarray)),
        cast("Rows[ParameterRow]", parameters.view(np.recarray)),
        gaps,
        cast("Rows[SampleRow]", samples.view(np.recarray)),
        first,
    )


def test_first_sample_and_the_one_after_a_pause_follow_a_gap() -> None:
    contexts = quotes(np.linspace(1.3, 1.31, 8))
    contexts["receive_ns"][5:] += 2 * 3600 * SECOND_NS
    contexts["event_ns"] = contexts["receive_ns"]

    samples = passed(contexts)

    # Contexts 0 and 5 only set the level that the next return starts from.
    assert samples["context"].tolist() == [1, 2, 3, 4, 6, 7]
    assert samples["gap"].tolist() == [1, 0, 0, 0, 1, 0]


def test_a_gap_is_remembered_over_batches() -> None:
    contexts = quotes(np.linspace(1.3, 1.31, 8))
    contexts["receive_ns"][5:] += 2 * 3600 * SECOND_NS
    contexts["event_ns"] = contexts["receive_ns"]

    assert passed(contexts, cut=6).tobytes() == passed(contexts).tobytes()


def test_array_of_another_layout_is_refused() -> None:
    passing = feature_pass().begin(tables().parameters)

    with pytest.raises(KernelInputError, match="contexts"):
        passing.take(np.zeros(3, PARAMETERS))
    with pytest.raises(KernelInputError, match="strided"):
        passing.take(walk(10)[::2])
    with pytest.raises(KernelInputError, match="parameters"):
        feature_pass().begin(np.zeros(3, CONTEXT))


def test_symbol_without_parameters_is_refused() -> None:
    contexts = walk(3)
    contexts["symbol"] = 1

    with pytest.raises(KernelInputError, match="below 1"):
        feature_pass().begin(tables().parameters).take(contexts)


def test_no_contexts_make_no_samples() -> None:
    assert len(passed(np.zeros(0, CONTEXT))) == 0
