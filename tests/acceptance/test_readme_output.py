"""The README shows what its commands really print, timings aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.readme_output import COMMANDS, masked, printed, shown


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("block", sorted(COMMANDS))
def test_shown_output_is_the_real_one(block: str, tmp_path: Path) -> None:
    assert masked(printed(COMMANDS[block], tmp_path)) == masked(shown(block))


def test_only_measured_figures_are_masked() -> None:
    line = "5,031 decided in 1.25 s, 260,000/s, 181 MB, p50 0.3 µs, root 3fa9"

    assert masked(line) == "5,031 decided in <time>, <rate>, <size>, p50 <time>, root 3fa9"
