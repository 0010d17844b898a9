"""How long the disk takes to make a little durable while something else is at work on it.

Run as ``python -m benchmarks.syncing FOLDER``: it says that it has begun, writes there until
SIGTERM, and then tells all of its times. It is a process of its own, for one that is at work as
well would add its own waiting.

An fsync is due at fixed times, as contexts come at a fixed pace, and its time counts from there:
one that hangs holds up those that were due meanwhile, and each of them is told. Were the next due
only once one is done, a disk that hangs for a tenth of a second would be told of once, and what
waits for it in that time not at all.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from benchmarks.rounds import ROOT

_BYTES: Final = 8192
_EVERY_S: Final = 0.01
_BEGUN: Final = "begun"
_TOLD: Final = TypeAdapter(list[float])


@contextmanager
def synced_beside(folder: Path) -> Iterator[list[float]]:
    """Yield a list; after the block it holds how long each fsync took meanwhile, sorted, in s."""
    found: list[float] = []
    process = subprocess.Popen(  # noqa: S603 - this module
        [sys.executable, "-m", "benchmarks.syncing", str(folder)], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        if process.stdout is not None:
            process.stdout.readline()  # it has begun, and knows what SIGTERM asks of it
        yield found
        process.terminate()
        said, _ = process.communicate()
        found += sorted(_TOLD.validate_json(said))
    finally:
        process.kill()
        process.wait()


def main(folder: Path) -> None:
    """Make a little durable again and again until SIGTERM."""
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    signal.signal(signal.SIGTERM, end)
    print(_BEGUN, flush=True)
    times: list[float] = []
    with (folder / "synced").open("wb", buffering=0) as file:
        due = time.perf_counter()
        while not ended:
            time.sleep(max(0.0, due - time.perf_counter()))
            file.write(b"x" * _BYTES)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - due)
            due += _EVERY_S
    print(json.dumps(times))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
