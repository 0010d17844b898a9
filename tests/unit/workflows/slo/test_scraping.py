"""Latency is read from what the service prints of itself, and from nothing else."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from tests.support.governance.rolling import scraped
from torghut.schemas.observing.metric import SECONDS
from torghut.workflows.slo.scraping import MetricsUnreadableError, latency_between, latency_of


def page(folder: Path, seconds: list[float]) -> str:
    """Return the service's page after outcomes that took so long."""
    return scraped(folder / "page", seconds).read_text(encoding="utf-8")


def test_every_bucket_is_read_from_the_page_that_the_service_prints(tmp_path: Path) -> None:
    found = latency_of(page(tmp_path, [0.0002, 0.004, 40.0]))

    assert found.bounds_s == (*SECONDS, math.inf)
    assert (found.counts[0], found.counts[1], found.counts[-2], found.counts[-1]) == (0, 1, 2, 3)


def test_two_readings_bound_a_window(tmp_path: Path) -> None:
    before = latency_of(page(tmp_path, [9.0] * 5))
    after = latency_of(page(tmp_path, [9.0] * 5 + [0.004] * 7))

    assert latency_between(before, after).counts[-1] == 7
    assert latency_between(before, after).counts[5] == 7


def test_service_that_was_started_anew_between_them_is_noticed(tmp_path: Path) -> None:
    before, after = (latency_of(page(tmp_path, [9.0] * n)) for n in (5, 2))

    with pytest.raises(MetricsUnreadableError):
        latency_between(before, after)


@pytest.mark.parametrize("cut", ["_bucket", 'le="0.25"', 'le="+Inf"'])
def test_page_that_lacks_a_bucket_is_refused(tmp_path: Path, cut: str) -> None:
    text = page(tmp_path, [1.0])
    kept = [line for line in text.splitlines() if cut not in line]

    with pytest.raises(MetricsUnreadableError):
        latency_of("\n".join(kept))


def test_text_that_is_no_page_is_refused() -> None:
    with pytest.raises(MetricsUnreadableError):
        latency_of("<html>")
