"""Golden streams: the events of a governance stream, line by line, beside the state they come to.

``golden/streams/<stream>/<course>.jsonl`` holds the events as they were stored,
``<course>.state.json`` the state after them. What is recorded here stays: neither another policy
nor another rule may change what old events say. ``python -m tests.replay.stream_courses`` adds what
is missing, and one golden message of each type, and never touches what is there.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from tests.replay.golden_decisions import GOLDEN
from torghut.eventlog.decider import Decider
from torghut.governance.allotting.allotment import ALLOTMENTS
from torghut.governance.approvals.approval import APPROVAL
from torghut.governance.approvals.making import MAKERS
from torghut.governance.cycles.cycle import CYCLES
from torghut.governance.exposure.ladder import LADDER
from torghut.governance.lanes.queue import LANES
from torghut.governance.leasing.epochs import EPOCHS
from torghut.governance.ledger.ledger import LEDGER
from torghut.governance.safety.canary import CANARY
from torghut.governance.safety.continuity import CONTINUITY
from torghut.governance.safety.drift_actions import DRIFT_ACTIONS
from torghut.governance.safety.latch import LATCH
from torghut.governance.safety.rollback import ROLLBACK
from torghut.governance.slo.latency import LATENCY
from torghut.governance.stages.progress import STAGES
from torghut.kernel.canonical import canonical_bytes, canonical_text, parse_json, parse_json_object
from torghut.schemas.governing.approvals import APPROVAL_EVENT
from torghut.schemas.governing.canary import CANARY_EVENT
from torghut.schemas.governing.continuity import CONTINUITY_EVENT
from torghut.schemas.governing.drift import DRIFT_EVENT
from torghut.schemas.governing.lanes import LANE_EVENT, MAKER_EVENT
from torghut.schemas.governing.latch import LATCH_EVENT
from torghut.schemas.governing.lease import LEASE_EVENT
from torghut.schemas.governing.ledger import LEDGER_EVENT
from torghut.schemas.governing.rollback import ROLLBACK_EVENT
from torghut.schemas.governing.stages import STAGE_EVENT
from torghut.schemas.scheduling.allotments import ALLOTMENT_EVENT
from torghut.schemas.scheduling.cycles import CYCLE_EVENT
from torghut.schemas.staging.exposure import EXPOSURE_EVENT
from torghut.schemas.staging.latency import LATENCY_EVENT

STREAMS: Final = GOLDEN / "streams"
MESSAGES: Final = GOLDEN / "messages" / "events"
SUMS: Final = GOLDEN / "SHA256SUMS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A kind of stream: what folds it, and what reads its events."""

    decider: Decider[Any, Any, Any]
    adapter: TypeAdapter[Any]


KINDS: Final[Mapping[str, Stream]] = {
    "allotments": Stream(decider=ALLOTMENTS, adapter=ALLOTMENT_EVENT),
    "approval": Stream(decider=APPROVAL, adapter=APPROVAL_EVENT),
    "canary": Stream(decider=CANARY, adapter=CANARY_EVENT),
    "continuity": Stream(decider=CONTINUITY, adapter=CONTINUITY_EVENT),
    "cycles": Stream(decider=CYCLES, adapter=CYCLE_EVENT),
    "drift": Stream(decider=DRIFT_ACTIONS, adapter=DRIFT_EVENT),
    "exposure": Stream(decider=LADDER, adapter=EXPOSURE_EVENT),
    "lanes": Stream(decider=LANES, adapter=LANE_EVENT),
    "latency": Stream(decider=LATENCY, adapter=LATENCY_EVENT),
    "latch": Stream(decider=LATCH, adapter=LATCH_EVENT),
    "ledger": Stream(decider=LEDGER, adapter=LEDGER_EVENT),
    "lease": Stream(decider=EPOCHS, adapter=LEASE_EVENT),
    "makers": Stream(decider=MAKERS, adapter=MAKER_EVENT),
    "rollback": Stream(decider=ROLLBACK, adapter=ROLLBACK_EVENT),
    "stages": Stream(decider=STAGES, adapter=STAGE_EVENT),
}
"""Every kind of governance stream, by its category."""


def state_text(state: object) -> str:
    """Return a state as canonical JSON, whatever the order of what has none."""
    return canonical_text(parse_json(json.dumps(_plain(state)).encode()))


def still_says(state: object, recorded: Path) -> bool:
    """Say whether a state has everything that was recorded of it; it may have learnt more since."""
    said = parse_json_object(state_text(state).encode())
    known = parse_json_object(recorded.read_bytes())
    return {key: said.get(key) for key in known} == known


def _plain(value: object) -> object:
    """Return ``value`` as what JSON can say."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, frozenset | set):
        return sorted((_plain(one) for one in value), key=str)
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(one) for one in value]
    exact = isinstance(value, Decimal) or (isinstance(value, int) and abs(value) >= 2**53)
    return str(value) if exact else value


def add_stream(kind: str, course: str, bodies: Sequence[bytes]) -> None:
    """Record a stream, and one message of each type in it that has none yet."""
    stream = KINDS[kind]
    events = [stream.adapter.validate_json(body) for body in bodies]
    text = b"".join(body + b"\n" for body in bodies)
    _add(STREAMS / kind / f"{course}.jsonl", text)
    state = state_text(stream.decider.fold(events)) + "\n"
    _add(STREAMS / kind / f"{course}.state.json", state.encode())
    for event in events:
        folder = MESSAGES / str(event.type).replace(".", "/", 1)
        if not folder.is_dir():
            _add(folder / f"{course}.json", canonical_bytes(event.model_dump(mode="json")) + b"\n")


def add_message(place: str, name: str, message: BaseModel) -> None:
    """Record one golden message of a type."""
    body = canonical_bytes(message.model_dump(mode="json")) + b"\n"
    _add(GOLDEN / "messages" / place / f"{name}.json", body)


def _add(path: Path, body: bytes) -> None:
    """Write what is not there yet, and its line."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)
    line = f"{hashlib.sha256(body).hexdigest()}  {path.relative_to(GOLDEN).as_posix()}\n"
    lines = [*SUMS.read_text(encoding="utf-8").splitlines(keepends=True), line]
    SUMS.write_text("".join(sorted(lines, key=lambda one: one.split("  ", 1)[1])), encoding="utf-8")
