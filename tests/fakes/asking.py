"""A witness of asking to whom nothing happens; a test overrides what it expects to be told."""

from __future__ import annotations

from typing_extensions import override

from torghut.workflows.reasoning.ports import AskingWitness


class NothingHappens(AskingWitness):
    """Fails the test with whatever it is told."""

    @override
    def changed(self, before: str, after: str, code: str) -> None:
        raise AssertionError(after)

    @override
    def unkept(self, context_id: str, fault: Exception) -> None:
        raise AssertionError(context_id) from fault

    @override
    def unread(self, source: str, found: str) -> None:
        raise AssertionError(source)

    @override
    def failed(self, context_id: str, defect: Exception) -> None:
        raise AssertionError(context_id) from defect
