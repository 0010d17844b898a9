"""The service's own log: events with typed fields, for the person on call."""

from __future__ import annotations

from typing import Final, Protocol

from typing_extensions import override

from torghut.schemas.observing.log_event import LogEvent


class Journal(Protocol):
    """Writes log events down."""

    def say(self, event: LogEvent, *, correlation_id: str = "") -> None:
        """Write one line; never raises and never waits, rather the line is lost and counted.

        Args:
            event: What happened.
            correlation_id: What it belongs to: a request, a context, a control record, a block.
        """
        ...

    def hide(self, secret: str) -> None:
        """Never write ``secret``, in whatever field it turns up."""
        ...


class SilentJournal(Journal):
    """Writes nothing."""

    @override
    def say(self, event: LogEvent, *, correlation_id: str = "") -> None:
        return

    @override
    def hide(self, secret: str) -> None:
        return


SILENT_JOURNAL: Final = SilentJournal()
