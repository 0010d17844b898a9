"""The options of every command that speaks to a broker: where it is, how long it is waited for."""

from __future__ import annotations

from functools import partial
from typing import Final

import click

bootstrap_option: Final = click.option(
    "--bootstrap",
    metavar="HOST:PORT,...",
    help="Brokers to begin with; else those of TORGHUT_KAFKA_BOOTSTRAP.",
)
"""The option ``--bootstrap``."""

_budget: Final = partial(
    click.option,
    "--budget-ms",
    type=click.IntRange(1, 600_000),
    default=10_000,
    show_default=True,
)

answer_budget_option: Final = _budget(help="Longest that an answer of the broker may take.")
"""The option ``--budget-ms`` of what reads and writes records, for as long as it takes."""

step_budget_option: Final = _budget(
    help="Longest that the cluster may take to be seen, or to do one step."
)
"""The option ``--budget-ms`` of what compares and changes topics."""
