"""How often advice was asked for and not given: counted from a log, and judged where it applies."""

from __future__ import annotations

import numpy as np
import pytest

from tests.fakes.eventlog import run
from tests.support.decisions.logs import contexts, gathered, in_memory
from tests.support.governance.climbing import HOUR_NS, slo_policy
from torghut.governance.slo.judging import judge_window
from torghut.kernel.ids import SERVING
from torghut.schemas.codes import Path, Reason
from torghut.schemas.staging.slo_window import SloRow
from torghut.workflows.lookup.scanning import rows_of
from torghut.workflows.slo.counting import WindowCounts
from torghut.workflows.slo.measuring import readings
from torghut.workflows.slo.walking import count_window

WINDOW = (0, HOUR_NS)


def judged(*, asked: int, unadvised: int) -> SloRow:
    """Return the level of a window in which no declaration says that advice is off."""
    counts = WindowCounts(accepted=100, decisions=100, asked=asked, unadvised=unadvised)
    window = judge_window("1h", HOUR_NS, readings(counts, WINDOW, None), slo_policy())
    return next(one for one in window.rows if one.id == "reasoning-fallback-ratio")


@pytest.mark.parametrize(
    ("unadvised", "value", "status"), [(0, 0.0, "pass"), (4, 0.1, "pass"), (5, 0.125, "fail")]
)
def test_share_of_those_that_asked_is_held_against_the_policy(
    unadvised: int, value: float, status: str
) -> None:
    found = judged(asked=40, unadvised=unadvised)

    assert (found.value, found.samples, found.status) == (value, 40, status)


def test_nobody_who_asked_is_missing_and_few_are_too_few() -> None:
    assert judged(asked=0, unadvised=0).status == "missing"
    assert judged(asked=19, unadvised=0).status == "insufficient"


def test_each_that_asked_and_got_none_is_counted_from_the_log() -> None:
    log = run(in_memory(contexts(2400)))

    counts = run(count_window(log))

    rows = np.concatenate([rows_of(one, SERVING) for one in run(gathered(log.blocks(0)))])
    slow = int(np.count_nonzero(rows["path"] == Path.SLOW))
    assert (counts.asked, counts.unadvised) == (slow, slow)
    assert counts.reasons[Reason.REASONING_OFF.code] == slow > 0
