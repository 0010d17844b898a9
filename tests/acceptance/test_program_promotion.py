"""A service that serves NAME@champion asks by what the promotion ledger names, and nothing else."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.fakes.eventlog import CAUSES
from tests.integration.reasoning.test_compiling import package
from tests.support.governance.promoting import facts
from tests.support.live.advised import Advised, advised, stand_in
from tests.support.live.turning import turning_endpoint
from tests.support.machine.commands import run_apart
from torghut.adapters.endpoint.pupil import PUPIL
from torghut.artifacts.package import Package
from torghut.client import SyncClient
from torghut.composition import governing
from torghut.composition.advice import compiling, packages
from torghut.governance.ledger.ledger import (
    LEDGER,
    Promote,
    ledger_stream,
    program_ledger,
    read_ledger_event,
)
from torghut.schemas.governing.ledger import LedgerCandidate
from torghut.workflows.approving.promoting import register_candidate
from torghut.workflows.streams import Streams

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket, pytest.mark.timeout(300)]

NAME: Final = "advice-test"
CHAMPION: Final = f"{NAME}@champion"
REVERTS: Final = "revert-packages"
FOUND_S: Final = 90.0


def compiled(folder: Path) -> Sequence[Package]:
    """Return two programs that are shown different examples, kept among the artifacts."""
    store = packages.program_store(folder / "var" / packages.PROGRAMS)
    with turning_endpoint() as endpoint:
        made = [package(endpoint.url, compiling.BootstrapOptions(demos=count)) for count in (2, 4)]
    for one in made:
        store.save(one)
    return made


def put_on_record(folder: Path, made: Package, version: int) -> None:
    """Have the ledger name a program, as a promotion to paper does that saw ``version``."""
    events = governing.governance_events(folder / "var")
    streams, ledger, at_ns = Streams(events), program_ledger(NAME), time.time_ns()
    candidate = LedgerCandidate(
        candidate_id=f"program-{made.digest[:12]}", digest=made.digest, package=made.digest
    )
    promoted = Promote(
        promotion_id=f"promotion-{made.digest[:12]}",
        digest=made.digest,
        target="paper",
        expected_version=version,
        manifest=facts(made.digest[:12], candidate=made.digest),
        replaces=None,
        approval=None,
        at_ns=at_ns,
    )

    async def put() -> None:
        run_id = f"run-{made.digest[:12]}"
        await register_candidate(streams, ledger, candidate, run_id=run_id, at_ns=at_ns)
        await streams.run(LEDGER, read_ledger_event, ledger_stream(ledger), promoted, causes=CAUSES)

    asyncio.run(put())


def served_by(made: Advised, client: SyncClient, wanted: str) -> dict[str, Any]:
    """Return the record of a question that a program answered, once one is on record."""
    until, seen = time.monotonic() + FOUND_S, 0
    while time.monotonic() < until:
        made.decide(client)
        controls = [dict(one) for one in made.exported("controls")]
        cited = [one["advice"] for one in controls if "advice" in one]
        for digest in cited[seen:]:
            shown = made.service.typed("reasoning", "record", str(digest), "--json")
            record: dict[str, Any] = json.loads(shown.out)
            if record["program"] == wanted and record["code"] == "":
                return record
        seen = len(cited)
        time.sleep(0.2)
    raise AssertionError(made.service.said()[-3000:])


def refused(made: Advised, status: int, code: str, *more: str) -> None:
    """Check that the service refuses to start, with further options."""
    options = (*made.service.options, *more)
    words = ("serve", *options, "--log", "refused.log", "--listen", "127.0.0.1:0")
    ended = run_apart(made.service.folder, *words, variables=made.service.variables)
    assert ended.status == status, (ended.out, ended.err)
    assert f"{code}: " in ended.err


@contextmanager
def thrown_by_file(folder: Path) -> Iterator[None]:
    """Have the switch thrown while nobody serves, by a file that says nothing."""
    file = folder / "var" / "switches" / f"{REVERTS}.json"
    file.parent.mkdir(exist_ok=True)
    file.touch()
    yield
    file.unlink()


def switched(made: Advised, what: str) -> None:
    """Throw the switch, or release it."""
    ended = made.service.typed("switch", what, REVERTS, "--reason", "a test")
    assert ended.status == 0, ended.out


def test_revert_to_the_prior_promoted_program_by_switch_and_by_ledger(tmp_path: Path) -> None:
    first, second = compiled(tmp_path)
    with (
        stand_in(tmp_path) as (url, _),
        advised(tmp_path, url, "--reasoning-mode", "shadow", "--program", CHAMPION) as made,
    ):
        made.service.variables = {**made.service.variables, "TORGHUT_REASONING_MODEL": PUPIL}
        refused(made, 6, "ledger.alias-vacant")

        put_on_record(tmp_path, first, 0)
        with thrown_by_file(tmp_path):
            refused(made, 6, "ledger.alias-vacant")  # there is none before it
        refused(made, 1, "ledger.not-promoted", "--mode", "live", "--reasoning-mode", "active")
        refused(made, 4, "artifacts.package-missing", "--program", f"{NAME}@{'ab' * 32}")
        made.service.start()
        client = made.service.client()
        made.warm(client)
        asked_first = served_by(made, client, first.digest)

        put_on_record(tmp_path, second, 1)
        asked_second = served_by(made, client, second.digest)

        switched(made, "throw")
        served_by(made, client, first.digest)
        switched(made, "release")
        served_by(made, client, second.digest)

        back = made.service.typed(
            *("promotion", "revert", program_ledger(NAME), "--reason", "it advises badly", "--json")
        )
        assert back.json["champion"] == first.digest
        assert back.json["control"] is None
        served_by(made, client, first.digest)
        assert made.service.end() == 0

        replayed = made.service.typed("reasoning", "replay", "--log", str(made.service.log))
        assert replayed.status == 0, replayed.out
        # With four examples more is said to the endpoint than with two.
        assert tokens(asked_second) > tokens(asked_first)

        (altered,) = (tmp_path / "var" / packages.PROGRAMS).glob(f"{first.reference}/program.json")
        altered.write_bytes(altered.read_bytes().replace(b"strongest", b"weakest"))
        refused(made, 4, "artifacts.package-altered")


def tokens(record: dict[str, Any]) -> int:
    """Return how many tokens the calls of a question took."""
    return sum(call["tokens"] for call in record["calls"])
