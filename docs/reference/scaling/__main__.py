"""What another load needs, reckoned from the same record of the benchmarks."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.records import RECORDED, read_record
from docs.reference.scaling.figures import measured
from docs.reference.scaling.loads import Load, Machines
from docs.reference.scaling.needs import Needs
from docs.reference.scaling.sizes import declared, sizes
from docs.reference.scaling.table import load_section


def main(arguments: Sequence[str]) -> int:
    """Print the section of a load; end with 2 where it is none."""
    parser = argparse.ArgumentParser(prog="python -m docs.reference.scaling", description=__doc__)
    parser.add_argument("--rate", type=float, required=True, help="contexts a second, all symbols")
    parser.add_argument("--symbols", type=int, required=True, help="that share it evenly")
    usual = Machines()
    parser.add_argument(
        "--share", type=float, default=usual.share, help="of a core, link or disk to plan for"
    )
    parser.add_argument(
        "--link-gbit", type=float, default=usual.link_gbit, help="of a broker, each way"
    )
    parser.add_argument(
        "--disk-tb", type=float, default=usual.disk_tb, help="of a broker or database"
    )
    parser.add_argument("--record", type=Path, default=RECORDED, help="of the benchmarks")
    asked = parser.parse_args(arguments)
    try:
        load = Load(rate=asked.rate, symbols=asked.symbols)
        machines = Machines(share=asked.share, link_gbit=asked.link_gbit, disk_tb=asked.disk_tb)
    except ValueError as error:
        parser.error(str(error))
    found = measured(read_record(asked.record.read_text(encoding="utf-8")))
    needs = Needs(load, machines, found, sizes(), declared())
    print(load_section(needs), end="")  # noqa: T201 - its result
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
