"""Every way to misbehave, by name: what a client must survive, each as small as it can be."""

from torghut.adapters.endpoint.faults.exchange import Exchange, Fault
from torghut.adapters.endpoint.faults.saying import SAID
from torghut.adapters.endpoint.faults.sending import SENT

FAULTS = {**SENT, **SAID}
"""By name, as a script names them."""

__all__ = ["FAULTS", "Exchange", "Fault"]
