"""What the core asks of a broker: to see its topics and to change them."""

from __future__ import annotations

from typing import Protocol

from torghut.carrying.planning import ClusterSeen, Step


class TopicAdmin(Protocol):
    """A cluster's topics, seen and changed; everything ends within a budget."""

    async def see(self) -> ClusterSeen:
        """Return the nodes and the topics whose name begins as ours do.

        Raises:
            BrokerUnreachableError: Nobody answered within the budget.
            BrokerRefusedError: Who asks may not.
        """
        ...

    async def do(self, step: Step, /) -> None:
        """Do one step of a plan; once it returns, ``see`` shows it.

        A setting that the step does not name keeps its value. A topic that is to be made and is
        there already is left as it is.

        Raises:
            BrokerUnreachableError: Nobody answered within the budget; whether it was done is not
                known, and doing it again is harmless.
            BrokerRefusedError: The broker will not.
        """
        ...
