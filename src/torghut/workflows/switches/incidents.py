"""Incidents of switches: made once a throw stands, extended as more is known, never changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from pydantic import ValidationError

from torghut.artifacts.errors import ArtifactExistsError, ArtifactUnreadableError, ReadFault
from torghut.artifacts.ports import ArtifactStore
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.units import NS_PER_MS
from torghut.schemas.live.incident import (
    IncidentFacts,
    OrderCancelled,
    SwitchIncident,
    TrafficPatchFile,
    WorkerAnswer,
    content_hash,
    is_complete,
)
from torghut.schemas.live.worker import WorkerStatus
from torghut.schemas.types import first_problem
from torghut.workflows.live.switch_ports import ThrownSwitch, WorkerSeen

FOLDER: Final = "incidents"
"""Below the artifact root."""

_SYMBOLS_MAX: Final = 20
"""So many symbols a page shows; of the others nobody knows whether an order stood."""


Results = Mapping[str, Mapping[str, str]]
"""What became of orders by the log of each worker: worker to decision id to result."""


class IncidentUnreadableError(TorghutError):
    """An incident's file is not there, or not as it was written."""

    code: ClassVar[str] = "switch.incident-unreadable"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, path: str, found: str) -> None:
        super().__init__(
            f"{path}: expected an incident as it was written, found {found}; torghut switch list "
            "says what is thrown, torghut switch incident update NAME writes what is missing"
        )
        self.path = path
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class Throw:
    """A throw that stands, and how it went.

    Attributes:
        thrown: As its file says.
        before: How the switch stood before, in words.
        after: How it stands, in words.
        answers: Of every worker that lived.
        pages: Of these, as they were before the throw and since.
        patch: The traffic patch that goes with it.
    """

    thrown: ThrownSwitch
    before: str
    after: str
    answers: Sequence[WorkerAnswer]
    pages: Sequence[WorkerSeen]
    patch: TrafficPatchFile | None = None


def incident_id(thrown: ThrownSwitch) -> str:
    """Return what names the incident of a throw, and of no other."""
    facts = {
        "switch": thrown.name,
        "throw_id": thrown.throw_id,
        "who": thrown.who,
        "reason": thrown.reason,
        "thrown_wall_ns": None if thrown.thrown_wall_ns is None else str(thrown.thrown_wall_ns),
    }
    return f"switch-{sha256_hex(canonical_bytes(facts))}"


def incident_path(name: str, extension: int) -> str:
    """Return where one file of an incident is, below the artifact root.

    Example:
        >>> incident_path("switch-ab", 2)
        'incidents/switch-ab.2.json'
    """
    return f"{FOLDER}/{name}.{extension}.json"


def first_incident(throw: Throw) -> SwitchIncident:
    """Return what is known of a throw at once."""
    thrown = throw.thrown
    return _made(
        {
            "incident_id": incident_id(thrown),
            "extension": 0,
            "amends": None,
            "switch": thrown.name,
            "throw_id": thrown.throw_id,
            "who": thrown.who,
            "reason": thrown.reason,
            "thrown_wall_ns": thrown.thrown_wall_ns,
            "before": throw.before,
            "after": throw.after,
            "fenced": thrown.revisions,
            "patch": throw.patch,
        },
        tuple(throw.answers),
        _standing_orders(throw.pages),
    )


def extended(
    incident: SwitchIncident, pages: Sequence[WorkerSeen], results: Results
) -> SwitchIncident | None:
    """Return the next file of an incident; None where nothing more is known.

    Args:
        incident: Its newest file.
        pages: Of all workers, as they are now.
        results: What became of its orders.
    """
    seen = {one.worker: one for one in pages}
    workers = tuple(_answer(one, incident, seen.get(one.worker)) for one in incident.workers)
    orders = incident.orders_cancelled
    if orders is not None:
        orders = tuple(_order(one, results.get(one.worker, {})) for one in orders)
    if (workers, orders) == (incident.workers, incident.orders_cancelled):
        return None
    kept: dict[str, object] = {name: getattr(incident, name) for name in IncidentFacts.model_fields}
    kept |= {"extension": incident.extension + 1, "amends": incident.content_hash}
    return _made(kept, workers, orders)


def write_incident(store: ArtifactStore, incident: SwitchIncident) -> str:
    """Put a file of an incident where none of it was; return its path.

    Raises:
        ArtifactExistsError: Somebody else wrote this extension meanwhile.
        ArtifactUnwritableError: It cannot be written.
    """
    path = incident_path(incident.incident_id, incident.extension)
    text = json.dumps(incident.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"
    store.create(path, text.encode())
    return path


def read_incident(store: ArtifactStore, name: str) -> SwitchIncident:
    """Return the newest file of an incident, each of them verified on the way.

    Raises:
        IncidentUnreadableError: There is none, or one is not as it was written.
    """
    newest: SwitchIncident | None = None
    for found in _files(store, name):
        expected: tuple[str, int, str | None] = (name, 0, None)
        if newest is not None:
            expected = (name, newest.extension + 1, newest.content_hash)
        if (found.incident_id, found.extension, found.amends) != expected:
            path = incident_path(name, expected[1])
            raise IncidentUnreadableError(path=path, found="one that does not follow the others")
        newest = found
    if newest is None:
        raise IncidentUnreadableError(path=incident_path(name, 0), found="none")
    return newest


def amend(
    store: ArtifactStore, name: str, pages: Sequence[WorkerSeen], results: Results
) -> SwitchIncident:
    """Return an incident with everything that is known by now, written where it is more.

    Raises:
        IncidentUnreadableError: There is none, or it is not as it was written.
        ArtifactUnwritableError: What is new cannot be written.
    """
    while True:
        standing = read_incident(store, name)
        newer = extended(standing, pages, results)
        if newer is None:
            return standing
        try:
            write_incident(store, newer)
        except ArtifactExistsError:
            continue  # somebody else was first: what they know comes before
        return newer


def _files(store: ArtifactStore, name: str) -> Iterator[SwitchIncident]:
    """Yield every file of an incident, the first one first."""
    extension = 0
    while True:
        path = incident_path(name, extension)
        try:
            yield SwitchIncident.model_validate_json(store.read(path))
        except ArtifactUnreadableError as error:
            if error.fault is ReadFault.MISSING:
                return
            raise IncidentUnreadableError(path=path, found=str(error)) from error
        except ValidationError as error:
            problem = first_problem(error)
            raise IncidentUnreadableError(path=path, found=problem.at("the file")) from error
        extension += 1


def _made(
    facts: Mapping[str, object],
    workers: tuple[WorkerAnswer, ...],
    orders: tuple[OrderCancelled, ...] | None,
) -> SwitchIncident:
    """Return an incident of facts, with what follows from them."""
    body = {
        **facts,
        "type": "switch.incident.v1",
        "workers": workers,
        "orders_cancelled": orders,
        "complete": is_complete(workers, orders),
    }
    body["next"] = tuple(_next(body))
    made = IncidentFacts.model_validate(body)
    return SwitchIncident.model_validate({**made.model_dump(), "content_hash": content_hash(made)})


def _next(body: Mapping[str, object]) -> Iterator[str]:
    """Yield what to type next."""
    if not body["complete"]:
        yield "torghut status"
        yield f"torghut switch incident update {body['incident_id']}"
    patch = body["patch"]
    if isinstance(patch, TrafficPatchFile) and not patch.applied:
        yield (
            "cd ${TORGHUT_ARTIFACT_DIR:-var/torghut} && "
            f"kubectl patch ksvc torghut --type merge --patch-file {patch.path}"
        )
    yield f"torghut switch release {body['switch']} --reason TEXT"


def _standing_orders(pages: Sequence[WorkerSeen]) -> tuple[OrderCancelled, ...] | None:
    """Return the orders that stood, of which nobody knows yet what became; None: nobody said."""
    found: dict[tuple[str, str], OrderCancelled] = {}
    for page in pages:
        status = status_of(page)
        if status is None or len(status.symbols) >= _SYMBOLS_MAX:
            return None
        for one in status.symbols:
            if one.order is not None:
                found[page.worker, one.order.decision_id] = OrderCancelled(
                    worker=page.worker,
                    symbol=one.symbol,
                    decision_id=one.order.decision_id,
                    quantity=one.order.quantity,
                    result=None,
                )
    return tuple(found[key] for key in sorted(found))


def status_of(page: WorkerSeen) -> WorkerStatus | None:
    """Return what a page says, as far as it is of the process that holds it."""
    status = page.status
    return status if status is not None and status.pid == page.pid else None


def _answer(
    answer: WorkerAnswer, incident: SwitchIncident, page: WorkerSeen | None
) -> WorkerAnswer:
    """Return what became of a throw at a worker by now."""
    if answer.became in {"acknowledged", "ended"}:
        return answer
    if page is None or not page.alive or page.pid != answer.pid:
        return WorkerAnswer.model_validate({**answer.model_dump(), "became": "ended"})
    status = status_of(page)
    acknowledged = () if status is None else status.acknowledged
    for one in acknowledged:
        if one.throw_id == incident.throw_id:
            since_ns = incident.thrown_wall_ns
            after_ms = None if since_ns is None else max(0.0, (one.wall_ns - since_ns) / NS_PER_MS)
            return WorkerAnswer.model_validate(
                {**answer.model_dump(), "became": "acknowledged", "acknowledged_ms": after_ms}
            )
    return answer


def _order(order: OrderCancelled, results: Mapping[str, str]) -> OrderCancelled:
    """Return an order with what became of it by now."""
    found = results.get(order.decision_id)
    if order.result is not None or found is None:
        return order
    return OrderCancelled.model_validate({**order.model_dump(), "result": found})
