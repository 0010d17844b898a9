"""``torghut serve``: the decision loop as a service, until it is asked to stop."""

from torghut.entrypoints.cli.serve.command import serve

__all__ = ["serve"]
