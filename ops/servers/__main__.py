"""``python -m ops.servers NAME``: run one private server in the foreground until Ctrl-C."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Final, cast

SERVERS: Final[Mapping[str, tuple[str, str]]] = {
    "kafka": ("ops.servers.broker", "Apache Kafka, one node; --nodes 3 for three"),
    "postgres": ("ops.servers.database", "PostgreSQL, as the distributed deployment keeps its log"),
}
"""By name: the module whose function ``serve`` runs it, and what it is."""

_USAGE: Final = 2


def main(arguments: Sequence[str]) -> int:
    """Run the server that the first argument names, with the others; return the exit code."""
    name = arguments[0] if arguments else ""
    if name not in SERVERS:
        print("usage: python -m ops.servers NAME", file=sys.stderr)
        for known, (_, what) in SERVERS.items():
            print(f"  {known:10} {what}", file=sys.stderr)
        return _USAGE
    module, _ = SERVERS[name]
    serve = cast("Callable[[Sequence[str]], int]", import_module(module).serve)
    return serve(arguments[1:])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
