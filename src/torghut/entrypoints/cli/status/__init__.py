"""``torghut status``: how every worker stands, from its page, whatever else is down."""

from torghut.entrypoints.cli.status.command import status

__all__ = ["status"]
