"""Publishes what the demo comes to, after a change that was meant to change it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from torghut.composition import deciding
from torghut.evals.baselines import RunBaseline

BASELINE: Final = Path(__file__).resolve().parents[1] / deciding.DEMO_BASELINE
SOURCE: Final = "demo:"
ROUTER: Final = "index-daily"
FROM_DAY: Final = "2010-01-04"
TO_DAY: Final = "2018-12-31"

_COMMAND: Final = "from torghut.entrypoints.cli import main; main()"


def decided(log: Path) -> RunBaseline:
    """Return what deciding the demo's window comes to now."""
    window = ("--from", FROM_DAY, "--to", TO_DAY)
    arguments = ("run", "--source", SOURCE, *window, "--log", str(log), "--no-report", "--json")
    ended = subprocess.run(  # noqa: S603 - the arguments are those above
        (sys.executable, "-c", _COMMAND, *arguments), check=True, stdout=subprocess.PIPE, text=True
    )
    said = json.loads(ended.stdout)
    source = deciding.source(SOURCE, deciding.declarations())
    return RunBaseline(
        source=SOURCE,
        from_day=FROM_DAY,
        to_day=TO_DAY,
        parts=tuple(part.digest for part in source.description.parts),
        kernel_version=said["kernel_version"],
        declarations=said["declarations"],
        router=ROUTER,
        package=said["packages"][ROUTER],
        contexts=said["contexts"],
        decided=said["decided"],
        refused=said["refused"],
        root=said["root"],
    )


def main() -> None:
    """Write the baseline."""
    with tempfile.TemporaryDirectory() as folder:
        text = json.dumps(decided(Path(folder) / "demo.log").model_dump(mode="json"), indent=2)
    BASELINE.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
