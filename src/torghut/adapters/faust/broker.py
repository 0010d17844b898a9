"""Kafka as a worker on Faust uses it: Faust shares the contexts, everything else is as ever."""

from __future__ import annotations

from dataclasses import dataclass

from typing_extensions import override

from torghut.access.broker import BrokerAccess
from torghut.access.faust import FaustChoices
from torghut.adapters.faust.application import Terms
from torghut.adapters.faust.membership import FaustMembership
from torghut.adapters.kafka.broker import KafkaBroker
from torghut.adapters.kafka.connection import connection_to
from torghut.carrying.ports import Membership


@dataclass(frozen=True, slots=True, kw_only=True)
class FaustBroker(KafkaBroker):
    """One cluster, whose groups are Faust's.

    Attributes:
        web: Where Faust's pages are; None for none.
    """

    web: tuple[str, int] | None = None

    @override
    def membership(self, *, topic: str, group: str) -> Membership:
        terms = Terms(
            options=self.connection.options,
            client_id=self.connection.client_id,
            group=f"{group}.faust",  # Faust's assignor is none that other members know
            session_ms=self.session_ms,
            budget_ms=self.connection.budget_ms,
            web=self.web,
        )
        return FaustMembership(connection=self.connection, topic=topic, terms=terms)


def faust_broker(
    access: BrokerAccess, choices: FaustChoices, *, client_id: str, budget_ms: int
) -> FaustBroker:
    """Return the cluster that ``access`` names; nothing is asked of it yet.

    Raises:
        AccessFileError: A file of the access cannot be read.
        AccessIncompleteError: Name or password is wanted and was not given.
    """
    connection = connection_to(access, client_id=client_id, budget_ms=budget_ms)
    return FaustBroker(connection=connection, web=choices.web)
