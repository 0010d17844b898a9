"""The endpoint that the environment names, as a client calls it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torghut.adapters.dspy.apart import Apart, apart
from torghut.adapters.reasoning.calling import Endpoint, EndpointCaller
from torghut.adapters.system.clock import MonotonicClock
from torghut.composition.advice.settings import EndpointAccess
from torghut.workflows.reasoning.programs.metering import MeteredCaller, Spending


def endpoint_of(access: EndpointAccess) -> Endpoint:
    """Return where calls go."""
    return Endpoint(url=access.url, key=access.key, ca_file=access.authorities)


@contextmanager
def metered(access: EndpointAccess, spending: Spending) -> Iterator[tuple[MeteredCaller, Apart]]:
    """Give a client of the endpoint that keeps to a budget, and where its calls are made."""
    steady = MonotonicClock()
    with apart(steady) as elsewhere:
        caller = EndpointCaller(endpoint_of(access), steady)
        try:
            yield MeteredCaller(caller, spending, steady), elsewhere
        finally:
            elsewhere.run(caller.close())
