"""The command line: ``torghut <noun> <verb>``."""

from torghut.entrypoints.cli.program import main

__all__ = ["main"]
