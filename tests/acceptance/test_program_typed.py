"""From a market's shadow to a program that serves and is taken back: everything typed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.live.advised import stand_in
from tests.support.live.live_services import LiveService, live_service
from tests.support.live.paying import (
    LOSES,
    PAYS,
    PayingMarket,
    paying_declarations,
    router_package,
)
from tests.support.machine.commands import Ended, Running, run_apart
from torghut.adapters.endpoint.pupil import PUPIL
from torghut.client import SyncClient
from torghut.schemas.observing.catalogue import REASONING_STARTS
from torghut.settings import DECLARATIONS_DIR

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

NAME: Final = "committee"
LEDGER: Final = f"program:{NAME}"
SPECIALIST: Final = "torghut-specialist-v1"
LOG: Final = ("--log", "live.log")
PEOPLE: Final = {
    "scheduler": "scheduler",
    "author": "model",
    "ann": "production",
    "ben": "production",
}
"""Whose key acts in which role."""
EARLY: Final = 12
LATE: Final = 106
FOUND_S: Final = 60.0
_ASKED: Final = 8
"""Seconds of the market between two looks at who answers."""


@dataclass(slots=True, kw_only=True)
class Installation:
    """A service on the market, with whoever types commands beside it.

    Attributes:
        market: That is decided.
        service: That decides.
        client: Of it.
        endpoint: The stand-in that is asked.
    """

    market: PayingMarket
    service: LiveService
    client: SyncClient
    endpoint: Running

    def typed(self, *words: str) -> Ended:
        """Return how a command ends, in a process of its own."""
        return run_apart(self.service.folder, *words, variables=self.service.variables)

    def said(self, *words: str, status: int = 0) -> dict[str, Any]:
        """Return what a command says."""
        ended = self.typed(*words, "--json")
        assert ended.status == status, (words, ended.out, ended.err)
        found: dict[str, Any] = json.loads(ended.out)
        return found

    def refused(self, *words: str) -> tuple[int, str]:
        """Return the status of a command that refuses, and its code."""
        ended = self.typed(*words)
        return ended.status, ended.err.strip().splitlines()[-1].partition(":")[0]

    def cycle(self, *beside: str) -> dict[str, Any]:
        """Run a cycle of the scheduler on a market that is not stale; return its note.

        Args:
            beside: A command that is typed while it runs; none by default.
        """
        self.market.catch_up()
        words = ("scheduler", "cycle", *LOG, "--key", "scheduler.pem")
        return at_once(words, *filter(None, [beside]), on=self)[0]

    def restart(self, *options: str) -> None:
        """Start the service again, with further options."""
        assert self.service.end() == 0
        self.service.options = (*self.service.options, *options)
        self.service.start()
        self.client = self.service.client()
        self.service.await_asker()

    def exchanged(self, *words: str) -> dict[str, Any]:
        """Return what a command says that has another program serve, once that can be asked."""
        starts = int(self.service.figure(REASONING_STARTS.name))
        said = self.said(*words)
        self.service.await_asker(starts=starts + 1)
        return said

    def served_by(self, digest: str) -> Mapping[str, dict[str, Any]]:
        """Return a record of each symbol's question that a program answered, once there are."""
        until, said = time.monotonic() + FOUND_S, list[dict[str, Any]]()
        while time.monotonic() < until:
            assert self.endpoint.poll() is None, "nobody stands in for the endpoint any more"
            for _ in range(_ASKED):
                self.market.ask(self.client)
            last = self._last_cited()
            said = at_once(*(("reasoning", "record", one) for one in last.values()), on=self)
            if last.keys() == {PAYS, LOSES} and {by(one) for one in said} == {(digest, "")}:
                return dict(zip(last, said, strict=True))
        raise AssertionError((said, self.service.said()[-3000:]))

    def _last_cited(self) -> Mapping[str, str]:
        """Return the last record that the log cites about each symbol."""
        text = self.typed("log", "export", *LOG, "--what", "controls").out
        controls = map(json.loads, text.splitlines())
        return {str(one["symbol"]): str(one["advice"]) for one in controls if "advice" in one}


def by(record: Mapping[str, Any]) -> tuple[str, str]:
    """Return which program answered, and how it failed."""
    return str(record["program"]), str(record["code"])


def at_once(*commands: Sequence[str], on: Installation, status: int = 0) -> list[dict[str, Any]]:
    """Return what commands say that are typed side by side."""
    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(lambda words: on.said(*words, status=status), commands))


def declare_people(folder: Path) -> Path:
    """Have keys made for everybody, and declare what is printed of them; return declarations."""
    declared = paying_declarations(folder / "declared")
    words = [("key", "new", f"{name}.pem", "--role", role) for name, role in PEOPLE.items()]
    with ThreadPoolExecutor(len(words)) as pool:
        said = [one.out for one in pool.map(lambda typed: run_apart(folder, *typed), words)]
    owners = declared / "governance" / "owners.yaml"
    text = owners.read_text(encoding="utf-8")
    owners.write_text(text.replace("keys: []", "keys:\n" + "".join(said)), encoding="utf-8")
    return declared


@contextmanager
def installed(folder: Path) -> Iterator[Installation]:
    """Give a service in shadow mode on the market, whose questions are on record."""
    declared = declare_people(folder)
    with stand_in(folder) as (url, endpoint), live_service(folder) as service:
        service.options = (
            *("--source", "api:", "--mode", "paper", "--advise", "--reasoning-mode", "shadow"),
            *("--package", str(router_package().reference)),
        )
        service.variables = {
            DECLARATIONS_DIR: str(declared),
            "TORGHUT_REASONING_ENDPOINT": url,
            "TORGHUT_REASONING_MODEL": PUPIL,
        }
        market = PayingMarket(service=service)
        service.start()
        client = service.client()
        market.shadow(client, early=EARLY, late=LATE)
        yield Installation(market=market, service=service, client=client, endpoint=endpoint)
        assert service.end() == 0


def test_what_advises_well_is_promoted_serves_and_is_taken_back_by_commands_alone(
    tmp_path: Path,
) -> None:
    with installed(tmp_path) as here:
        first, second = evaluated(here)
        assert here.cycle()["outcome"] == "lane_completed"
        here.said(*submit(first))
        run_id = judged(here, *submit(second))
        approve(here, first, run_id)
        promoted = here.said("reasoning", "promote", str(first["package"]))
        assert (promoted["champion"], promoted["control"]) == (first["digest"], None)
        here.restart("--program", f"{NAME}@champion")
        by_first = here.served_by(str(first["digest"]))

        judged(here)
        here.exchanged("reasoning", "promote", str(second["package"]))
        by_second = here.served_by(str(second["digest"]))

        back = here.exchanged("promotion", "revert", LEDGER, "--reason", "it advises badly")
        assert (back["champion"], back["control"]) == (first["digest"], None)
        again = here.served_by(str(first["digest"]))

        replayed = here.typed("reasoning", "replay", *LOG)
        assert replayed.status == 0, replayed.out
    for symbol, resolution in ((PAYS, "adjust"), (LOSES, "defer")):
        found = [one[symbol] for one in (by_first, by_second, again)]
        assert {one["resolution"] for one in found} == {resolution}
        asked = [sum(call["tokens"] for call in one["calls"]) for one in found]
        # With four examples more is said to the endpoint than with two.
        assert asked[0] < asked[1] > asked[2], asked


def evaluated(here: Installation) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compile two programs and judge them, side by side; return what is said of each."""
    compile_ = ("reasoning", "compile", *LOG, "--name", NAME, "--teacher", SPECIALIST)
    made = at_once(*((*compile_, "--demos", count) for count in ("2", "4")), on=here)
    judge = [("reasoning", "eval", str(one["package"]), *LOG) for one in made]
    first, second = (
        {**one, **found} for one, found in zip(made, at_once(*judge, on=here), strict=True)
    )
    assert first["digest"] != second["digest"]
    for one in (first, second):
        assert {gate["status"] for gate in one["gates"].values()} == {"pass"}
    return first, second


def submit(made: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what lets a program wait for its run, with the word of who made it."""
    package, evaluation = str(made["package"]), str(made["evaluation"])
    words = ("reasoning", "submit", package, "--evaluation", evaluation, *LOG)
    return (*words, "--author", "author.pem")


def judged(here: Installation, *beside: str) -> str:
    """Let a cycle try and judge the program that waits longest; return its run, which passed."""
    note = here.cycle(*beside)
    place = str(note["phase_manifest"]["path"])
    manifest = json.loads((here.service.folder / "var" / place).read_bytes())
    unmet = [
        gate
        for phase in manifest["phases"]
        for gate in phase["slo_gates"]
        if gate["status"] != "pass"
    ]
    assert (note["outcome"], note["manifest_status"]) == ("lane_completed", "pass"), unmet or note
    return place.split("/")[1]


def approve(here: Installation, program: Mapping[str, Any], run_id: str) -> None:
    """Have two persons approve for live what a third one made; paper does without."""
    manifest = f"var/runs/{run_id}/rollout/phase-manifest.json"
    request = ("approval", "request", manifest, "--candidate", str(program["digest"]))
    asked = here.said(
        *request, "--notional-cap", "25000", "--reason", "it pays", "--key", "author.pem"
    )
    grant = ("approval", "grant", str(asked["approval"]), "--expires", "1h", "--key")
    assert here.refused(*grant, "author.pem") == (1, "approvals.author-approves")
    for who, fault in (("ann.pem", "approvals.grants-missing"), ("ben.pem", None)):
        here.said(*grant, who)
        (listed,) = here.said("approval", "list")["approvals"]
        assert listed["code"] == fault, listed
