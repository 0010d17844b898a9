"""Runs one server in the foreground until Ctrl-C: ``python -m ops.servers kafka``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from ops.servers import broker

NAMES: Final[Mapping[str, Callable[[Sequence[str]], int]]] = {"kafka": broker.serve}
"""What runs a server, by its name."""


def main(arguments: Sequence[str]) -> int:
    """Run the server that the first argument names, with the others."""
    name = arguments[0] if arguments else ""
    if name not in NAMES:
        print(f"expected one of {', '.join(NAMES)}, found {name or 'nothing'}")
        return 2
    return NAMES[name](arguments[1:])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
