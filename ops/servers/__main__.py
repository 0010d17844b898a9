"""``python -m ops.servers NAME``: run one private server in the foreground until Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Final, Protocol, cast

SERVERS: Final[Mapping[str, tuple[str, str]]] = {
    "kafka": ("ops.servers.broker", "Apache Kafka, one node; --nodes 3 for three"),
    "postgres": ("ops.servers.database", "PostgreSQL, as the distributed deployment keeps its log"),
}
"""By name: the module whose function ``serving`` runs it and gives its address, and what it is."""

_ENDING: Final = (signal.SIGINT, signal.SIGTERM)
_LOOK_S: Final = 1.0
_OK: Final = 0
_USAGE: Final = 2
_ABSENT: Final = 7


class Serving(Protocol):
    """Runs one server until the end of the block, and gives its address."""

    def __call__(self, *options: str) -> AbstractContextManager[str]:
        """Take the arguments behind the name; ValueError at once where there are no such."""
        ...


def main(arguments: Sequence[str]) -> int:
    """Run the server that ``arguments`` name, and return the exit code."""
    if not arguments or arguments[0] not in SERVERS:
        return _usage()
    module, _ = SERVERS[arguments[0]]
    serving = cast("Serving", import_module(module).serving)
    try:
        server = serving(*arguments[1:])
    except ValueError:
        return _usage()
    try:
        with server as address:
            # Held back first: whoever reads the address may ask at once.
            signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
            print(address, flush=True)
            while signal.sigtimedwait(_ENDING, _LOOK_S) is None:
                pass  # where a thread of the server was given Ctrl-C, it is raised here
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return _ABSENT
    except KeyboardInterrupt:  # before it was there
        return _OK
    return _OK


def _usage() -> int:
    """Say what can be run."""
    print("usage: python -m ops.servers NAME", file=sys.stderr)
    for name, (_, what) in SERVERS.items():
        print(f"  {name:10} {what}", file=sys.stderr)
    return _USAGE


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
