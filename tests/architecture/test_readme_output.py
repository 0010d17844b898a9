"""What the README shows is compared with what is printed, timings aside, and nothing else is."""

from __future__ import annotations

from docs.readme_output import masked


def test_only_measured_figures_are_masked() -> None:
    line = "5,031 decided in 1.25 s, 260,000/s, 181 MB, p50 0.3 µs, root 3fa9"

    assert masked(line) == "5,031 decided in <time>, <rate>, <size>, p50 <time>, root 3fa9"
