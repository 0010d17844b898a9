"""The client is light: a trading loop loads nothing that decides, stores or serves."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

HEAVY: Final = frozenset(
    {"fastapi", "numba", "numpy", "click", "sqlalchemy", "sqlite3", "torch", "uvicorn", "yaml"}
)
SCRIPT: Final = """
import json, sys, time
started = time.process_time()
import torghut.client, torghut.client.venue
print(json.dumps([time.process_time() - started, sorted(sys.modules)]))
"""


def test_client_loads_quickly_and_nothing_heavy() -> None:
    seconds = []
    for _ in range(2):
        ended = subprocess.run(
            [sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True, timeout=30
        )
        took, names = json.loads(ended.stdout)
        seconds.append(took)
        assert HEAVY.isdisjoint({name.partition(".")[0] for name in names})

    assert min(seconds) < 0.4
