"""Each way of being wrong ends as one refusal with its code; everything around it is decided."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.sources.examples import open_example
from tests.hostile.corpus import CASES, Case, Judge, write
from tests.support.decisions.declared import shipped
from tests.support.decisions.kernels import compiled
from torghut.schemas.codes import RefusalCode
from torghut.workflows.survey import BY_KERNEL, BY_SOURCE, survey


@pytest.mark.parametrize("case", CASES, ids=str)
def test_hostile_record_is_refused_and_the_others_are_decided(case: Case, tmp_path: Path) -> None:
    found = survey(open_example(write(case, tmp_path)), compiled(), shipped())

    if case.refusal is RefusalCode.NONE:
        assert (found.decided, found.refusals) == (case.records, ())
        return
    [refused] = found.refusals
    assert refused.code == case.refusal.code
    assert refused.judge == (BY_KERNEL if case.judge is Judge.KERNEL else BY_SOURCE)
    assert (refused.count, found.decided) == (1, case.records - 1)
    assert found.undecodable == (case.judge is Judge.QUARANTINE)
    assert len(refused.examples) == 1
