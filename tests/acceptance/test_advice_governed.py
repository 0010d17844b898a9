"""Advice on a running loop that is governed: cut over, rolled back, told, and held to its stage."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.fakes.eventlog import CAUSES
from tests.support.decisions.declared import shipped
from tests.support.decisions.packages import golden_model, made_package
from tests.support.governance.rolling import key_file
from tests.support.governance.staging import arrived
from tests.support.live.advised import Advised, advised, stand_in
from tests.support.scheduling.schedulers import QUICK, declare, submit
from torghut.artifacts.package import StoredFile
from torghut.artifacts.signatures import parse_private_key
from torghut.client import SyncClient
from torghut.composition import logs
from torghut.composition.governing import governance_events
from torghut.governance.notes.note import iteration_of, read_note
from torghut.governance.verification.verifying import read_manifest
from torghut.kernel.units import NS_PER_S
from torghut.router.package import MODEL_PATH
from torghut.schemas.rollout.manifest import PhaseManifest
from torghut.schemas.scheduling.note import IterationNote
from torghut.workflows.rollout.places import CURRENT
from torghut.workflows.scheduling.ports import Since
from torghut.workflows.scheduling.seen.viewing import LogView
from torghut.workflows.staging.moving import STAGE_STREAM

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

RECOVERED_S: Final = 5.0
"""Longest from a switch's command to the first decision under it, the command's start included."""
FOUND_S: Final = 90.0
"""Longest wait for governance: some cycles, and a lane in a process of its own."""
ADVISED: Final = ("advice-approved", "advice-adjusted", "advice-deferred", "advice-vetoed")
ROUTER: Final = "crypto-intraday"
EVER: Final = (0, 2**62)

GOVERNED: Final = {
    **QUICK,
    "governance/policies/reasoning.yaml": [("notional_ratio: 0.95", "notional_ratio: 0.0")],
    "streams/instruments/binance-spot-ETHUSDT.yaml": [
        ("sample_interval_ms: 1000", "sample_interval_ms: 20"),
        ("router_mode: live", "router_mode: static"),
    ],
}
"""Quick cycles, a market that is known soon, and no router to fall back: any wish asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Governed:
    """A service that is advised and governed.

    Attributes:
        made: The service.
        client: Of it.
        root: Its artifacts.
        key: Public key of its scheduler.
    """

    made: Advised
    client: SyncClient
    root: Path
    key: Path

    def notes(self) -> Sequence[IterationNote]:
        """Return the notes so far, by their number."""
        files = (self.root / "notes").glob("iteration-*.md")
        numbered = sorted((iteration_of(one.name) or 0, one) for one in files)
        return [read_note(one.read_bytes()) for _, one in numbered]

    def manifest(self) -> PhaseManifest | None:
        """Return the current manifest; None before any."""
        path = self.root / CURRENT
        return read_manifest(path.read_bytes()) if path.exists() else None

    def observed(self) -> Mapping[str, object]:
        """Return what the current manifest observes of runtime governance; nothing before any."""
        manifest = self.manifest()
        return {} if manifest is None else manifest.phases[-2].observations

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Offer quotes until something holds, for the loop is to go on."""
        end = time.monotonic() + FOUND_S
        while not holds():
            assert time.monotonic() < end, f"{what}: {self.made.service.said()[-3000:]}"
            self.made.decide(self.client)
            time.sleep(0.05)

    def typed(self, *words: str, status: int = 0) -> str:
        """Type a command, and return what it said."""
        ended = self.made.service.typed(*words)
        assert ended.status == status, (words, ended.out, ended.err)
        return ended.out + ended.err

    def mode(self, mode: str, reason: str, *, status: int = 0) -> str:
        """Ask for a reasoning mode as people do."""
        service, token = self.made.service, self.root.parent / "operate.token"
        token.write_text(service.token("operate"), encoding="utf-8")
        reach = ("--url", f"unix://{service.socket}", "--token-file", str(token))
        words = ("reasoning", "mode", mode, "--reason", reason, *reach)
        return self.typed(*words, status=status)


@contextmanager
def governed(folder: Path, mode: str) -> Iterator[Governed]:
    """Give a service in a mode that a stand-in advises and a scheduler governs."""
    private, public = key_file(folder / "scheduler.pem", 9), folder / "scheduler.pub"
    key = parse_private_key(private.read_bytes()).public_key()
    public.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    options = ("--reasoning-mode", mode, "--govern", "--govern-key", str(private))
    with stand_in(folder) as (url, _), advised(folder, url, *options) as made:
        made.quotes.begun_ns = None
        declare(folder / "declared", GOVERNED)
        made.service.start()
        client = made.service.client()
        made.warm(client)
        yield Governed(
            made=made,
            client=client,
            root=folder / "var",
            key=public,
        )


def told(notes: Sequence[IterationNote]) -> list[tuple[str, str, str, str]]:
    """Return every change of advice that notes tell, in their order, without who was at it."""
    changes = [change for one in notes if one.advice for change in one.advice.changes]
    reasons = [one.reason.partition(" (thrown by ")[0] for one in changes]
    return [(one.what, one.from_, one.to, why) for one, why in zip(changes, reasons, strict=True)]


def test_shadow_to_active_to_rollback_on_a_running_loop_is_in_notes_and_manifest(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with governed(tmp_path, "shadow") as loop:
        made, client = loop.made, loop.client
        made.reasons_until(client, "reasoning-shadow")
        model = StoredFile(body=json.dumps(golden_model()).encode())
        candidate = made_package({MODEL_PATH: model}, name=ROUTER)
        asyncio.run(submit(loop.root, made.service.log, candidate, router=ROUTER, window=EVER))
        loop.until(lambda: "advice_mode" in loop.observed(), "no run was governed")
        assert loop.observed()["advice_mode"] == "shadow"

        loop.mode("active", "the shadow agrees")
        made.reasons_until(client, *ADVISED)
        loop.until(lambda: loop.observed()["advice_mode"] == "active", "nobody saw it active")

        thrown = time.monotonic()
        loop.typed("switch", "throw", "deterministic-only", "--reason", "it contradicts itself")
        made.reasons_until(client, "deterministic-only")
        recovered_s = time.monotonic() - thrown
        assert recovered_s < RECOVERED_S
        loop.until(lambda: has_recovered(loop.notes()[-1]), "no note of a recovery")
        assert not set(ADVISED) & set(reasons_of(made, client))

        notes, observed = loop.notes(), loop.observed()
        check_told(notes, observed)
        record_property("recovered_s", round(recovered_s, 3))
        record_property("recovered_on_the_receive_clock_s", observed["advice_recovery_s"])
        check_verified(loop)
        assert made.service.end() == 0

    log = made.service.log
    assert made.service.typed("replay", "--verify", "--log", str(log)).status == 0
    check_computed_again(log, notes)


def has_recovered(note: IterationNote) -> bool:
    """Say whether a note tells of a rollback by the switch that is in force."""
    rollback = None if note.advice is None else note.advice.rollback
    return rollback is not None and rollback.recovery_ns is not None


def reasons_of(made: Advised, client: SyncClient) -> Sequence[str]:
    """Return the reasons of the next decision."""
    found: Sequence[str] = json.loads(made.decide(client).line)["decision"]["reasons"]
    return found


def check_told(notes: Sequence[IterationNote], observed: Mapping[str, object]) -> None:
    """Check that notes tell each change once, with its reason, and the manifest how it ended."""
    assert told(notes) == [
        ("mode", "off", "shadow", "asked for when the service was started"),
        ("mode", "shadow", "active", "the shadow agrees"),
        ("deterministic-only", "released", "thrown", "it contradicts itself"),
    ]
    last = notes[-1].advice
    assert last is not None
    assert (last.mode, last.deterministic_only) == ("active", True)
    assert last.rollback is not None
    assert last.rollback.recovery_ns is not None
    counted = [one.advice.counts for one in notes if one.advice]
    assert sum(sum(one.shadowed.values()) for one in counted) > 0
    assert sum(one.asked for one in counted) > 0
    assert sum(one.unasked.get("deterministic-only", 0) for one in counted) > 0
    assert {key: observed[key] for key in observed if key.startswith("advice_mode")} == {
        "advice_mode": "active",
        "advice_mode_at_begin": "shadow",
    }
    assert observed["advice_deterministic_only"] == "thrown"
    assert observed["advice_recovery_s"] == last.rollback.recovery_ns / NS_PER_S
    assert 0 < float(str(observed["advice_recovery_s"])) < RECOVERED_S
    assert observed["advice_rolled_back_by"] == last.rollback.control_id
    assert observed["advice_advised_since"] == 0
    assert isinstance(observed["advice_unanswered_ratio"], float)


def check_verified(loop: Governed) -> None:
    """Check that readers who trust nobody find the manifest whole, and signed by its scheduler."""
    words = ("rollout", "verify", str(loop.root / CURRENT), "--key", str(loop.key), "--json")
    said: dict[str, Any] = json.loads(loop.made.service.typed(*words, "--recompute").out)
    assert [one["name"] for one in said["checks"] if not one["passed"]] == []
    assert [one for one in said["recomputed"] if not one["same"]] == []
    assert said["origin"]["kind"] == "signed"


def check_computed_again(log: Path, notes: Sequence[IterationNote]) -> None:
    """Check that the log alone leads to what the last note says of the mode and the rollback."""
    view = LogView(opening=logs.reopening(log), pages=tuple, declared=shipped(), budget_ms=60_000)
    seen = asyncio.run(view.look(Since(), now_ns=time.time_ns())).advice
    last = notes[-1].advice
    assert seen is not None
    assert last is not None
    assert [one.control_id for one in seen.changed] == [
        one.control_id for note in notes if note.advice for one in note.advice.changes
    ]
    assert (seen.mode, seen.deterministic_only) == (last.mode, last.deterministic_only)
    assert seen.rollback == last.rollback


def test_mode_above_what_the_stage_allows_is_not_in_force_on_a_governed_loop(
    tmp_path: Path,
) -> None:
    with governed(tmp_path, "active") as loop:
        loop.made.reasons_until(loop.client, *ADVISED)
        events = arrived(0).events()
        appending = governance_events(loop.root).append_events(
            STAGE_STREAM, events, expected_version=0, causes=CAUSES
        )
        asyncio.run(appending)

        loop.made.reasons_until(loop.client, "reasoning-off")
        for asked in ("active", "shadow"):
            refused = loop.mode(asked, "it was so good", status=1)
            assert "stages.reasoning-capped: stage 0, baseline-capture: " in refused
        loop.mode("off", "as the stage says")
        loop.until(lambda: told(loop.notes())[-1:], "no note")
        found = loop.made.exported("controls")

        lowered = [one for one in found if str(one["control_id"]).startswith("exposure:reasoning")]
        assert [(one["mode"], one["reason"]) for one in lowered] == [
            ("off", "stage 0 allows a reasoning mode of off at most")
        ]
        said = "exposure: stage 0 allows a reasoning mode of off at most, found active"
        assert any(said in one.remarks for one in loop.notes())
        assert loop.made.service.end() == 0

        loop.made.service.start()  # as before: to begin with, advice was to count
        client = loop.made.service.client()
        for _ in range(20):
            assert not set(ADVISED) & set(reasons_of(loop.made, client))
        assert "reasoning mode off, not active: stage 0, " in loop.made.service.said()
        assert loop.made.service.end() == 0
