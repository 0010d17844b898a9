"""Prometheus' own tool finds nothing wrong with the page; it would if there were something."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from torghut.adapters.prometheus.page import PrometheusPage
from torghut.schemas.observing import catalogue as metrics

pytestmark = pytest.mark.system


def check(page: bytes) -> tuple[int, str]:
    """Return the exit status of ``promtool check metrics`` and everything that it printed."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("no promtool on the path: it is in the system package prometheus")
    ended = subprocess.run(
        [promtool, "check", "metrics"],
        input=page,
        check=False,
        capture_output=True,
        timeout=30,
    )
    return ended.returncode, (ended.stdout + ended.stderr).decode()


def page() -> PrometheusPage:
    return PrometheusPage({"version": "0.1.0", "kernel_version": "2"})


def test_a_new_page_is_clean() -> None:
    assert check(page().text()) == (0, "")


def test_a_page_that_was_used_is_clean() -> None:
    used = page()
    used.count(metrics.CONTEXTS, 10**12, "decided")
    used.observe(metrics.INGRESS_TO_DURABLE, [0.0, 0.0001, 31, 1e9])
    used.put(metrics.LAG, float("nan"))
    used.put(metrics.CLOCK_APART, -1e-9)

    assert check(used.text()) == (0, "")


@pytest.mark.parametrize(
    ("planted", "complaint"),
    [
        ("# HELP torghut_bad Bad.\n# TYPE torghut_bad counter\ntorghut_bad 1\n", "_total"),
        ("# TYPE torghut_bad gauge\ntorghut_bad 1\n", "no help text"),
        ("# HELP torghut_a_ms A.\n# TYPE torghut_a_ms gauge\ntorghut_a_ms 1\n", "abbreviated"),
        ("torghut_bad{ 1\n", "error"),
    ],
    ids=["counter without total", "no help", "no base unit", "no text format"],
)
def test_a_planted_fault_is_found(planted: str, complaint: str) -> None:
    status, said = check(page().text() + planted.encode())

    assert status != 0
    assert complaint in said
