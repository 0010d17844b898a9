"""What a throw leaves behind once it stands: its incident, and the traffic patch beside it.

Nothing here may keep a switch from being thrown or acknowledged: what cannot be written is said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from torghut.composition import standby
from torghut.entrypoints.cli.switch.asking import Answer
from torghut.kernel.errors import TorghutError
from torghut.schemas.live.incident import SwitchIncident, TrafficPatchFile, WorkerAnswer
from torghut.settings import artifact_dir, cluster, stable_revision
from torghut.workflows.live.switch_ports import ThrownSwitch, WorkerSeen
from torghut.workflows.switches.incidents import (
    Throw,
    first_incident,
    incident_id,
    incident_path,
    read_incident,
    status_of,
    write_incident,
)
from torghut.workflows.switches.traffic import last_stable, write_patch

_FENCING: Final = "last-stable-revision"


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What a throw left behind.

    Attributes:
        incident: As written; None where it was not.
        path: Of its file; where it should be if it was not written.
        faults: What could not be done, in words.
    """

    incident: SwitchIncident | None
    path: Path
    faults: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Went:
    """How a throw went.

    Attributes:
        thrown: As its file says.
        before: How the switch stood, in words.
        after: How it stands, in words.
        answers: Of every worker that lived.
        asked: These workers, as they were before the throw.
        stable: Revision that is to get the traffic; empty where nobody named one.
    """

    thrown: ThrownSwitch
    before: str
    after: str
    answers: Sequence[Answer] = ()
    asked: Sequence[WorkerSeen] = ()
    stable: str = ""


def leave(went: Went) -> Left:
    """Write what a throw leaves behind; a throw that has left it already leaves nothing more."""
    name = incident_id(went.thrown)
    path = artifact_dir() / incident_path(name, 0)
    faults: list[str] = []
    store = standby.artifact_root(artifact_dir())
    try:
        if path.exists():
            return Left(incident=read_incident(store, name), path=path)
        pages = _pages(went.asked)
        patch = _patch(went, pages, faults) if went.thrown.name == _FENCING else None
        incident = first_incident(
            Throw(
                thrown=went.thrown,
                before=went.before,
                after=went.after,
                answers=[_answer(one, went.asked) for one in went.answers],
                pages=pages,
                patch=patch,
            )
        )
        write_incident(store, incident)
    except (TorghutError, OSError, ValueError) as error:
        code = f"{error.code}: " if isinstance(error, TorghutError) else ""
        again = f"torghut switch incident update {went.thrown.name} writes it later"
        return Left(incident=None, path=path, faults=[*faults, f"incident: {code}{error}; {again}"])
    return Left(incident=incident, path=path, faults=faults)


def _pages(asked: Sequence[WorkerSeen]) -> Sequence[WorkerSeen]:
    """Return what the workers that lived showed before the throw, and what they show since."""
    names = {one.worker for one in asked}
    return [*asked, *(one for one in standby.worker_pages() if one.worker in names and one.alive)]


def _answer(answer: Answer, asked: Sequence[WorkerSeen]) -> WorkerAnswer:
    """Return a worker's answer, with what its page showed before."""
    page = next((one for one in asked if one.worker == answer.worker), None)
    status = None if page is None else status_of(page)
    return WorkerAnswer(
        worker=answer.worker,
        pid=answer.pid,
        became=answer.became,
        acknowledged_ms=answer.after_ms,
        revision="" if status is None else status.revision,
        log="" if status is None else status.log,
        position=(None if status is None else status.position) or "",
    )


def _patch(went: Went, pages: Sequence[WorkerSeen], faults: list[str]) -> TrafficPatchFile | None:
    """Return the traffic patch that was written, applied where a cluster is configured."""
    fenced = {*went.thrown.revisions, *(one.status.revision for one in pages if one.status)}
    stable = last_stable(went.stable or stable_revision(), standby.worker_pages(), fenced)
    if not stable:
        faults.append(
            "traffic patch: nobody knows the last stable revision; name it with --stable, or set "
            "TORGHUT_STABLE_REVISION"
        )
        return None
    store, template = standby.artifact_root(artifact_dir()), standby.traffic_patch()
    try:
        patch = write_patch(store, template, stable, incident_id(went.thrown))
    except ValueError:
        faults.append(f"traffic patch: {stable} is no name of a Knative revision")
        return None
    if not cluster():
        return patch
    try:
        said = standby.patch_traffic(cluster(), template.metadata.name, artifact_dir() / patch.path)
    except TorghutError as error:
        faults.append(f"traffic patch: {error.code}: {error}")
        return TrafficPatchFile.model_validate({**patch.model_dump(), "detail": str(error)[:600]})
    return TrafficPatchFile.model_validate(
        {**patch.model_dump(), "applied": True, "detail": said[:600]}
    )
