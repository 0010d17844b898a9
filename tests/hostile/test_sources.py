"""Each way of being wrong has its code, loses nothing, and stops nobody."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.contract.sources.examples import JUDGED, SCANNED, open_example, read, same
from tests.hostile.corpus import CASES, Case, Judge, write
from torghut.adapters.sources.reading.limits import ReadLimits
from torghut.schemas.codes import RefusalCode

HOSTILE = [case for case in CASES if case.refusal is not RefusalCode.NONE]


CARRIED = {RefusalCode.WRONG_PARTITION, RefusalCode.TOO_MANY_SOURCES}
"""What only a broker brings; the worker's own tests try it."""


def test_there_are_enough_ways_of_being_wrong() -> None:
    assert len(HOSTILE) >= 60
    assert len({str(case) for case in CASES}) == len(CASES)
    assert {case.refusal for case in HOSTILE} == set(RefusalCode) - {RefusalCode.NONE} - CARRIED


@pytest.mark.parametrize("limits", [JUDGED, SCANNED], ids=["judged", "scanned"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_hostile_record_has_its_code_and_the_others_are_contexts(
    case: Case, limits: ReadLimits, tmp_path: Path
) -> None:
    outcome, _ = read(open_example(write(case, tmp_path), limits))
    coded = [(row, int(code)) for row, code in enumerate(outcome.contexts["refusal"]) if code]

    assert outcome.records == case.records
    match case.judge:
        case Judge.QUARANTINE:
            assert [(q.record, q.refusal) for q in outcome.quarantined] == [
                (case.record, case.refusal)
            ]
            assert coded == []
        case Judge.SOURCE:
            assert coded == [(case.record, case.refusal)]
            assert [(r.record, r.refusal) for r in outcome.refused] == coded
            assert np.isnan(outcome.contexts["bid"][case.record])
        case Judge.KERNEL:
            assert coded == []
            assert outcome.quarantined == []


@pytest.mark.parametrize("case", CASES, ids=str)
def test_batches_of_one_find_the_same(case: Case, tmp_path: Path) -> None:
    source = open_example(write(case, tmp_path))

    assert same(read(source, max_records=1)[0], read(source)[0])
