"""Where baselines are kept: under their name and digest, once and for ever."""

from __future__ import annotations

import re
from typing import Final

from torghut.artifacts.ports import ArtifactStore
from torghut.governance.baselines.errors import BaselineAlteredError, BaselineNameError
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.staging.baseline import Baseline
from torghut.schemas.types import Message
from torghut.schemas.upcasting import read_message

FOLDER: Final = "baselines"
"""Below the artifact root."""

_DIGITS: Final = 12
_REFERENCE: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*@[0-9a-f]{12}", re.ASCII)
_MODELS: Final[dict[str, type[Baseline]]] = {"rollout.baseline.v1": Baseline}


def keep(store: ArtifactStore, baseline: Baseline) -> str:
    """Put ``baseline`` where it stays, and return its path below the artifact root.

    Raises:
        ArtifactExistsError: Other bytes stand there: two digests that begin alike, or an edit.
        ArtifactUnwritableError: It cannot be written.
    """
    body = document(baseline)
    path = f"{FOLDER}/{baseline.name}@{sha256_hex(body)[:_DIGITS]}.json"
    store.create(path, body)
    return path


def document(message: Message) -> bytes:
    """Return the bytes that a published artifact has in its file."""
    return canonical_bytes(message.model_dump(mode="json")) + b"\n"


def recall(store: ArtifactStore, reference: str) -> Baseline:
    """Return the baseline that ``reference`` names, verified.

    Args:
        store: The artifact root.
        reference: ``NAME@DIGEST`` with twelve digits, or its path as ``keep`` returned it.

    Raises:
        BaselineNameError: It names none.
        BaselineAlteredError: Its bytes are not those that it is named after.
        ArtifactUnreadableError: It is not there.
    """
    named = reference.removeprefix(f"{FOLDER}/").removesuffix(".json")
    if _REFERENCE.fullmatch(named) is None:
        raise BaselineNameError(found=reference)
    body = store.read(f"{FOLDER}/{named}.json")
    found = sha256_hex(body)
    if found[:_DIGITS] != named.rpartition("@")[2]:
        raise BaselineAlteredError(name=named, found=found)
    return read_message(body, _MODELS)
