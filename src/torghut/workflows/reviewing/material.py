"""What a reviewer has of a run: its manifest, and whatever of its evidence is there as cited."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from torghut.artifacts.ports import ArtifactStore
from torghut.governance.rollouts.evidence import Examined, Subject, examine
from torghut.schemas.rollout.manifest import ManifestDocument, references_of
from torghut.schemas.types import Message
from torghut.workflows.rollout.checking import read_found
from torghut.workflows.rollout.places import run_folder

M = TypeVar("M", bound=Message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What there is to review a run by.

    Attributes:
        document: The manifest.
        store: Where its evidence was read from.
        evidence: Everything that it cites, as found, by path.
    """

    document: ManifestDocument
    store: ArtifactStore
    evidence: Mapping[str, Examined]

    @property
    def folder(self) -> str:
        """The run's folder, below the artifact root."""
        return run_folder(self.document.run_id, self.document.observation_summary.attempt)

    def only(self, kind: type[M]) -> M | None:
        """Return the one artifact of a kind; None where there is none, or more, or it is at fault.

        What cannot be trusted to be what was cited is not looked at any further.
        """
        found = [one.message for one in self.evidence.values() if isinstance(one.message, kind)]
        return found[0] if len(found) == 1 else None

    def at(self, path: str, kind: type[M]) -> M | None:
        """Return the artifact at a path, if it is as cited and of a kind."""
        found = self.evidence.get(path)
        return found.message if found is not None and isinstance(found.message, kind) else None


def gather(document: ManifestDocument, store: ArtifactStore) -> Material:
    """Return what ``document`` cites as it is found in ``store``."""
    subject = Subject(run_id=document.run_id, candidate_id=document.candidate_id)
    examined = [
        examine(one, read_found(store, one.path), subject) for one in references_of(document.phases)
    ]
    sound = {
        one.reference.path: Examined(
            reference=one.reference,
            fault=one.fault,
            message=one.message if one.fault is None else None,
        )
        for one in examined
    }
    return Material(document=document, store=store, evidence=sound)
