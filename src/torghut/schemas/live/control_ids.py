"""The ids of control records that one part makes and another one knows again by how they begin.

An id is made of what the record follows from, so that the same cause asks for the same thing once,
also after a restart. They are on record: how one begins never changes.
"""

from __future__ import annotations

from typing import Final

_ALLOTMENT: Final = "allotment-"
_EXPOSURE: Final = "exposure:"
_FENCE: Final = ":fence:"
_INSTALLATION: Final = "installation:"
_LATCH: Final = "latch:"
_REVERT: Final = "switch:revert-packages:"
_REVISION: Final = "switch:last-stable-revision:"
_ROLLBACK: Final = "rollback:"
_SWITCH: Final = "switch:"

_GOVERNANCE: Final = (_ALLOTMENT, _EXPOSURE, _LATCH, _ROLLBACK)


def is_of_governance(control_id: str) -> bool:
    """Return whether governance has offered a record."""
    return control_id.startswith(_GOVERNANCE)


def allotment_id(cause: str) -> str:
    """Return the id of what changes an allotment.

    Args:
        cause: Stands for what it is.
    """
    return f"{_ALLOTMENT}{cause}"


def exposure_id(symbol: str, block: int, cap: str) -> str:
    """Return the id of what tells a live symbol its cap.

    Args:
        symbol: Its name.
        block: Of its last decision.
        cap: Quote currency.
    """
    return f"{_EXPOSURE}{symbol}:{block}:{cap}"


def no_routing_id(block: int) -> str:
    """Return the id of what keeps the router from serving.

    Args:
        block: Of the last decision that it served.
    """
    return f"{_EXPOSURE}router:{block}"


def no_advising_id(block: int, mode: str) -> str:
    """Return the id of what lowers the reasoning mode.

    Args:
        block: In which it was changed to what is lowered.
        mode: To which.
    """
    return f"{_EXPOSURE}reasoning:{block}:{mode}"


def latch_id(incident_id: str, state: str) -> str:
    """Return the id of what closes or opens the latch in the loop."""
    return f"{_LATCH}{incident_id}:{state}"


def told_again_id(control_id: str, evaluation: int) -> str:
    """Return the id of a latch's record that is told again, at another evaluation."""
    return f"{control_id}:{evaluation}"


def is_told_again(control_id: str, first: str) -> bool:
    """Return whether a record tells again what the one with the id ``first`` told."""
    return control_id.startswith(f"{first}:")


def rollback_id(run_id: str, attempt: int, number: int) -> str:
    """Return the id of what takes a run's attempt back, for the ``number``-th time."""
    return f"{_ROLLBACK}{run_id}:{attempt}:{number}"


def installation_id(number: int, what: str) -> str:
    """Return the id of what brings into force what the installation asks for.

    Args:
        number: Of the block before.
        what: Stands for what is asked for.
    """
    return f"{_INSTALLATION}{number + 1}:{what}"


def is_of_installation(control_id: str) -> bool:
    """Return whether a record brings into force what the installation asks for."""
    return control_id.startswith(_INSTALLATION)


def thrown_id(switch: str, throw_id: str) -> str:
    """Return the id of what a switch file becomes.

    Args:
        switch: Its name.
        throw_id: Of the file's throw.
    """
    return f"{_SWITCH}{switch}:{throw_id}:thrown"


def throw_id_in(control_id: str, switch: str) -> str:
    """Return the id of the throw that is recorded: of its file, or its own where none was."""
    throw_id = control_id.removeprefix(f"{_SWITCH}{switch}:").removesuffix(":thrown")
    return throw_id if thrown_id(switch, throw_id) == control_id else control_id


def released_id(switch: str, release_id: str) -> str:
    """Return the id of a switch's release."""
    return f"{_SWITCH}{switch}:{release_id}:released"


def reverting_id(control_id: str, router: str) -> str:
    """Return the id of what a throw or a release of ``revert-packages`` brings for a router."""
    return f"{_stem(control_id, _REVERT)}:{router}"


def is_by_reverting(control_id: str) -> bool:
    """Return whether ``revert-packages`` has put a record in force, or taken it back."""
    return control_id.startswith(_REVERT)


def fence_id(control_id: str, revision: str) -> str:
    """Return the id of a revision's fence, or of its release.

    Args:
        control_id: Of the throw or release of ``last-stable-revision``.
        revision: Stands for the one that is fenced, without colons.
    """
    return f"{_stem(control_id, _REVISION)}{_FENCE}{revision}"


def is_by_fencing(control_id: str) -> bool:
    """Return whether ``last-stable-revision`` has put a fence in force."""
    return control_id.startswith(_REVISION)


def _stem(control_id: str, beginning: str) -> str:
    """Return how the ids begin of what a throw brings."""
    return beginning + control_id.removeprefix(beginning)
