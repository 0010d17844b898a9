"""The endpoint that the environment names, as a client calls it."""

from __future__ import annotations

from torghut.adapters.reasoning.calling import Endpoint
from torghut.composition.advice.settings import EndpointAccess


def endpoint_of(access: EndpointAccess) -> Endpoint:
    """Return where calls go."""
    return Endpoint(url=access.url, key=access.key, ca_file=access.authorities)
