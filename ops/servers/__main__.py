"""``python -m ops.servers NAME``: run one private server in the foreground until Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Final, cast

SERVERS: Final[Mapping[str, tuple[str, str]]] = {
    "postgres": ("ops.servers.database", "PostgreSQL, as the distributed deployment keeps its log"),
}
"""By name: the module whose function ``serving`` runs it and gives its address, and what it is."""

_OK: Final = 0
_USAGE: Final = 2
_ABSENT: Final = 7

Serving = Callable[[], AbstractContextManager[str]]


def main(arguments: Sequence[str]) -> int:
    """Run the server that ``arguments`` name, and return the exit code."""
    if len(arguments) != 1 or arguments[0] not in SERVERS:
        print("usage: python -m ops.servers NAME", file=sys.stderr)
        for name, (_, what) in SERVERS.items():
            print(f"  {name:10} {what}", file=sys.stderr)
        return _USAGE
    module, _ = SERVERS[arguments[0]]
    serving = cast("Serving", import_module(module).serving)
    try:
        with serving() as address:
            print(address, flush=True)
            _wait()
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return _ABSENT
    return _OK


def _wait() -> None:
    """Return when asked to stop, by Ctrl-C or by SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    signal.sigwait((signal.SIGINT, signal.SIGTERM))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
