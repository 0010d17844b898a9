"""The page holds every series from the start, and says what was counted, to the unit."""

from __future__ import annotations

import math
import re
import threading
from typing import Final

import prometheus_client
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from torghut.adapters.prometheus.page import PrometheusPage
from torghut.schemas.codes import Intent, Path
from torghut.schemas.observing import catalogue as metrics
from torghut.schemas.observing.metric import SECONDS, Histogram, Metric

SUFFIX: Final = re.compile(r"_(bucket|sum|count)$")


def made() -> PrometheusPage:
    return PrometheusPage({"version": "0.1.0", "kernel_version": "2"})


def samples(page: PrometheusPage) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every figure of a page by name and labels, as a collector would read it."""
    families = text_string_to_metric_families(page.text().decode())
    found: list[Sample] = [sample for family in families for sample in family.samples]
    by_name = {(one.name, tuple(sorted(one.labels.items()))): one.value for one in found}
    assert len(by_name) == len(found)
    return by_name


def expected_samples(metric: Metric) -> int:
    return len(metric.series()) * (len(SECONDS) + 3 if isinstance(metric, Histogram) else 1)


def test_every_series_is_there_from_the_start_at_zero() -> None:
    found = samples(made())

    for metric in metrics.METRICS:
        ours = [found[key] for key in found if SUFFIX.sub("", key[0]) == metric.name]
        assert ours == [0.0] * expected_samples(metric), metric.name


def test_counts_add_up_and_gauges_say_the_last_value() -> None:
    page = made()

    page.count(metrics.DECISIONS, 3, Intent.BUY, Path.FAST)
    page.count(metrics.DECISIONS, 4, Intent.BUY, Path.FAST)
    page.put(metrics.LAG, 7.5)
    page.put(metrics.LAG, float("nan"))
    page.put(metrics.STATE, 1, "live")

    found = samples(page)
    assert found["torghut_live_decisions_total", (("intent", "buy"), ("path", "fast"))] == 7
    assert found["torghut_live_state", (("state", "live"),)] == 1
    assert math.isnan(found["torghut_live_lag_seconds", ()])


@settings(max_examples=20)
@given(st.lists(st.floats(0, 100), max_size=50))
def test_each_bucket_holds_what_is_not_above_its_bound(values: list[float]) -> None:
    page = made()

    page.observe(metrics.COMMIT_DURATION, values)

    found = samples(page)
    name = metrics.COMMIT_DURATION.name
    for bound in SECONDS:
        below = sum(value <= bound for value in values)
        assert found[f"{name}_bucket", (("le", str(bound)),)] == below
    assert found[f"{name}_bucket", (("le", "+Inf"),)] == found[f"{name}_count", ()] == len(values)
    assert math.isclose(found[f"{name}_sum", ()], math.fsum(values), abs_tol=1e-9)


def test_the_page_says_what_runs_and_how_the_process_does() -> None:
    found = samples(made())

    assert found["torghut_build_info", (("kernel_version", "2"), ("version", "0.1.0"))] == 1
    assert found["process_start_time_seconds", ()] > 0
    assert found["process_resident_memory_bytes", ()] > 0


def test_what_is_shown_is_as_of_the_reading() -> None:
    page, waiting = made(), [3, 8]
    page.before_reading(lambda: page.put(metrics.PENDING, waiting.pop()))

    read = [samples(page)["torghut_live_pending_contexts", ()] for _ in range(2)]

    assert read == [8, 3]


def test_no_other_page_and_no_registry_of_the_process_is_touched() -> None:
    before = prometheus_client.generate_latest()

    page, other = made(), made()
    page.count(metrics.BLOCKS, 1)

    assert samples(other)["torghut_live_blocks_total", ()] == 0
    assert b"torghut" not in before + prometheus_client.generate_latest()


def test_nothing_is_lost_between_threads() -> None:
    page = made()

    def work() -> None:
        for _ in range(2000):
            page.count(metrics.BLOCKS, 1)
            page.observe(metrics.DECIDE_DURATION, [0.5])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = samples(page)
    assert found["torghut_live_blocks_total", ()] == 8000
    assert found["torghut_live_decide_duration_seconds_count", ()] == 8000
