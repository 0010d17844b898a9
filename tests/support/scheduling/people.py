"""People who ask for promotions and answer each other while schedulers are killed beside them.

What they sign is handed in as commands hand it in, from this process: their appends race with those
of the processes that are killed. They remember what was acknowledged.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final, Literal

from typing_extensions import override

from tests.support.governance.promoting import declared as declared_key
from tests.support.governance.promoting import fingerprint_of, key_of
from tests.support.live.threads import beside
from tests.support.scheduling.killing import Trial
from torghut.adapters.filesystem.artifact_root import FolderArtifacts
from torghut.adapters.filesystem.declaration_text import OWNERS, load_owners
from torghut.adapters.filesystem.governing import load_governing
from torghut.artifacts.signatures import TrustedKey, raw_bytes
from torghut.composition.governing import governance_events
from torghut.governance.approvals.errors import ManifestRefusedError
from torghut.governance.approvals.keyring import keyring_of
from torghut.governance.approvals.signing import sign_statement
from torghut.governance.releases.releasing import sign_release
from torghut.governance.safety.breaches import RECOVERING
from torghut.kernel.clock import WallClock, WallNs
from torghut.kernel.errors import TorghutError
from torghut.schemas.declarations.governance import OwnerKey
from torghut.schemas.governing.approvals import ApprovalStatement, Verb
from torghut.schemas.governing.latch import ReleaseStatement
from torghut.workflows.aggregates import STOP_LATCH_SIGNED
from torghut.workflows.approving.answering import (
    answer_approval,
    promotion_asked,
    request_approval,
)
from torghut.workflows.approving.makers import claim_candidate
from torghut.workflows.approving.manifests import CheckedManifest, checked
from torghut.workflows.approving.office import Office
from torghut.workflows.latching.releasing import LatchDesk, hand_in, statement_of

Act = Literal[Verb, "release"]

AUTHOR: Final = "author"
APPROVER: Final = "ben"
ROLES: Final[Mapping[str, str]] = {AUTHOR: "model", APPROVER: "production"}
"""Whose key is to be declared in which role."""

_ACTS: Final[Sequence[Act]] = ("request", "grant", "grant", "deny", "revoke", "release")
_MANIFESTS: Final = (
    "*/rollout/phase-manifest.json",
    "*/attempts/*/rollout/phase-manifest.json",
)
"""Where the final manifests of runs are."""

_PAUSE_S: Final = (0.4, 1.6)
_HOUR_NS: Final = 3600 * 1_000_000_000
_OPEN_MAX: Final = 4
"""Approvals that wait for answers: the newest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """What somebody signed, and whether it was acknowledged; else nobody knows what became of it.

    Attributes:
        envelope: As it was handed in: it fits nothing else that anybody signed.
    """

    act: Act
    envelope: str
    acknowledged: bool = False


@dataclass(slots=True, kw_only=True)
class People:
    """An author, an approver, and what they did.

    Attributes:
        office: Of the artifact root's own log, at the time of the trial.
        desk: Where they open the stop latch, of the same log.
        root: The artifact root.
        candidate: Digest of the package that runs are about.
        draw: The course of what they do.
        signed: In order.
        refused: Codes of refusals: what is asked for may be out of date by then.
        faults: What else went wrong.
    """

    office: Office
    desk: LatchDesk
    root: Path
    candidate: str
    draw: random.Random
    signed: list[Signed] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _open: list[str] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def acting(self) -> AbstractContextManager[None]:
        """Let them act while the block runs."""
        return beside(self._act_until_the_end, self._ended)

    @property
    def acknowledged(self) -> Counter[Act]:
        """How often they were told that something is on record."""
        return Counter(one.act for one in self.signed if one.acknowledged)

    def _act_until_the_end(self) -> None:
        while not self._ended.wait(self.draw.uniform(*_PAUSE_S)):
            act = self.draw.choice(_ACTS)
            before = len(self.signed)
            try:
                done = asyncio.run(self._act(act))
            except TorghutError as error:
                self.refused[error.code] += 1
            except Exception as error:  # noqa: BLE001 - any other fault is what is looked for
                self.faults.append(f"{act}: {error!r}")
            else:
                if done and len(self.signed) > before:
                    self.signed[-1] = replace(self.signed[-1], acknowledged=True)

    async def _act(self, act: Act) -> bool:
        """Do something, and return whether something came of it."""
        if act == "request":
            return await self._request()
        if act == "release":
            return await self._release()
        if not self._open:
            return False
        approval = self.draw.choice(self._open)
        events = await answer_approval(
            self.office,
            approval,
            act,
            sign=partial(self._sign, act, self.draw.choice((APPROVER, APPROVER, AUTHOR))),
            reason="" if act == "grant" else f"thought better of it {self.draw.random()}",
            expires_at_ns=self.office.now_ns + self.draw.randint(_HOUR_NS, 24 * _HOUR_NS),
        )
        if events and act != "grant":
            self._open.remove(approval)
        return bool(events)

    async def _request(self) -> bool:
        """Ask for what the newest run earns that passes; nothing while none does."""
        manifest = self._newest()
        if manifest is None:
            return False
        cap = Decimal(self.draw.randint(1, 10**9))
        approval = await request_approval(
            self.office,
            manifest,
            promotion_asked(manifest, self.candidate, cap),
            author=fingerprint_of(AUTHOR),
            reason="better than what serves",
            sign=partial(self._sign, "request", AUTHOR),
        )
        self._open = [*self._open, approval][-_OPEN_MAX:]
        return True

    def _newest(self) -> CheckedManifest | None:
        """Return the newest manifest that is final, signed, for paper, and a pass."""
        runs, store = self.root / "runs", FolderArtifacts(self.root)
        found = [one for place in _MANIFESTS for one in runs.glob(place)]
        for path in sorted(found, key=lambda one: one.stat().st_mtime_ns, reverse=True):
            beside = FolderArtifacts(path.parent)
            try:
                manifest = checked(
                    beside.read(path.name),
                    store,
                    beside,
                    path.name,
                    keyring=self.office.keyring,
                    now_ns=self.office.now_ns,
                )
            except ManifestRefusedError as error:
                self.faults.append(f"{path}: {error}")
                continue
            stated = manifest.document.requested_promotion_target, manifest.document.status
            if manifest.finalised and manifest.signed and stated == ("paper", "pass"):
                return manifest
        return None

    async def _release(self) -> bool:
        """Open the stop latch where it does not open by itself: every lane that is killed fails."""
        desk = replace(self.desk, now_ns=self.office.now_ns)
        incident = (await desk.governance("trial").state(STOP_LATCH_SIGNED)).latch.incident
        if incident is None or incident.triggers <= RECOVERING:
            return False
        statement = statement_of(
            incident.incident_id,
            tuple(incident.triggers),
            reason="its lanes were killed on purpose",
            signed_at_ns=desk.now_ns,
        )
        handed = await hand_in(desk, statement, self._sign_release)
        return not handed.again

    def _sign(self, act: Act, who: str, statement: ApprovalStatement) -> bytes:
        return self._remembered(act, sign_statement(statement, key_of(who)))

    def _sign_release(self, statement: ReleaseStatement) -> bytes:
        return self._remembered("release", sign_release(statement, key_of(APPROVER)))

    def _remembered(self, act: Act, envelope: bytes) -> bytes:
        """Remember what is handed in before anybody can answer."""
        self.signed.append(Signed(act=act, envelope=envelope.decode("ascii")))
        return envelope


def declare_people(declared: Path, scheduler: TrustedKey) -> None:
    """Declare the keys of people beside the scheduler's, in the declarations below ``declared``."""
    clock = OwnerKey(
        role="scheduler",
        fingerprint=scheduler.fingerprint,
        public_key=base64.b64encode(raw_bytes(scheduler.key)).decode("ascii"),
    )
    keys = [clock, *(declared_key(name, role) for name, role in ROLES.items())]
    stated = load_owners(declared).model_dump(mode="json")
    stated["keys"] = [one.model_dump(mode="json") for one in keys]
    (declared / OWNERS).write_text(json.dumps(stated), encoding="utf-8")


class TrialTime(WallClock):
    """The time of a trial's last cycle, or the machine's where a loop runs."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial

    @override
    def now_ns(self) -> WallNs:
        return WallNs(self._trial.at_ns or time.time_ns())


def people_of(trial: Trial, *, seed: int) -> People:
    """Return the people of a trial, by the keys that are declared for its scheduler."""
    declared, events = trial.scheduler.declared, governance_events(trial.root)
    keyring, safety = keyring_of(load_owners(declared)), load_governing(declared).safety
    made = claim_candidate(
        events, trial.candidate.digest, key_of(AUTHOR), keyring=keyring, at_ns=trial.at_ns or 1
    )
    asyncio.run(made)
    return People(
        office=Office(
            events=events,
            keyring=keyring,
            safety=safety,
            wall=TrialTime(trial),
            by="a test",
        ),
        desk=LatchDesk(events=events, keyring=keyring, policy=safety, now_ns=0, by="a test"),
        root=trial.root,
        candidate=trial.candidate.digest,
        draw=random.Random(seed),  # noqa: S311 - a test's own course
    )
