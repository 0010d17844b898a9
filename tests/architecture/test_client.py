"""The client is light: a trading loop loads nothing that decides, stores or serves."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

HEAVY: Final = frozenset(
    {"fastapi", "numba", "numpy", "click", "sqlalchemy", "sqlite3", "torch", "uvicorn", "yaml"}
)
MODULES_MAX: Final = 420
"""Of what is loaded, the interpreter's own included."""

SCRIPT: Final = """
import json, sys
import torghut.client, torghut.client.venue
print(json.dumps(sorted(sys.modules)))
"""


def test_client_loads_little_and_nothing_heavy() -> None:
    said = subprocess.check_output([sys.executable, "-c", SCRIPT], text=True, timeout=30)

    names = json.loads(said)
    assert HEAVY.isdisjoint({name.partition(".")[0] for name in names})
    assert len(names) < MODULES_MAX
