"""``torghut endpoint``: something to ask where there is no model, and something that misbehaves."""

from torghut.entrypoints.cli.endpoint.faking import fake

__all__ = ["fake"]
