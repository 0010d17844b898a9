"""An endpoint whose certificate nobody vouches for is asked nothing, and decisions come in time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.live.advised import Advised, advised, reasons, stand_in
from tests.support.machine.certificates import self_signed
from tests.support.machine.commands import Running
from torghut.client import SyncClient

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket, pytest.mark.timeout(180)]

HOST: Final = "127.0.0.1"
BUDGET_S: Final = 2.0
DECISIONS: Final = 10
NOTHING: Final = "at most 0 at once"
"""What an endpoint says that read no request."""
UNREACHABLE: Final = "reasoning.endpoint-unreachable"


@contextlib.contextmanager
def asking(
    folder: Path, mode: str, *, vouched: bool = False
) -> Iterator[tuple[Advised, SyncClient, Running]]:
    """Give a service in a mode whose endpoint vouches for itself, and the endpoint's process.

    Args:
        folder: Of both.
        mode: Of reasoning.
        vouched: Whether the service is told to trust that certificate.
    """
    certificate = self_signed(folder, HOST)
    with (
        stand_in(folder, "approve", "--certificate", str(certificate)) as (url, endpoint),
        advised(folder, url, "--reasoning-mode", mode) as made,
    ):
        assert url.startswith("https://")
        trusted = {"TORGHUT_REASONING_AUTHORITIES_FILE": str(certificate)} if vouched else {}
        made.service.variables = {**made.service.variables, **trusted}
        made.service.start()
        made.service.await_asker()
        client = made.service.client()
        made.warm(client)
        yield made, client, endpoint
        assert made.service.end() == 0


def answered(endpoint: Running) -> str:
    """Return what an endpoint says that it answered, once it ended."""
    endpoint.terminate()
    said, _ = endpoint.communicate(timeout=10)
    return said


def resolved(made: Advised, kind: str) -> set[tuple[object, object]]:
    """Return how questions ended by the log, each with its code."""
    found = [one for one in made.exported("controls") if one["kind"] == kind]
    return {(one["resolution"], one.get("code", "")) for one in found}


def decide_in_time(made: Advised, client: SyncClient, *wanted: str) -> None:
    """Decide some quotes, each within the budget and with one of the reasons that are wanted."""
    for _ in range(DECISIONS):
        begun = time.monotonic()
        said = reasons(made.decide(client))
        assert time.monotonic() - begun < BUDGET_S
        assert set(wanted) & set(said), said
        assert "budget-missed" not in said


def test_active_falls_back_and_says_that_the_endpoint_was_not_reached(tmp_path: Path) -> None:
    with asking(tmp_path, "active") as (made, client, endpoint):
        decide_in_time(made, client, "advice-failed", "advice-breaker-open")
        said = answered(endpoint)

    ends = resolved(made, "advice-resolved")
    assert ("failed", UNREACHABLE) in ends
    assert {resolution for resolution, _ in ends} <= {"failed", "breaker-open"}
    assert NOTHING in said


def test_shadow_records_that_the_endpoint_was_not_reached(tmp_path: Path) -> None:
    with asking(tmp_path, "shadow") as (made, client, endpoint):
        decide_in_time(made, client, "reasoning-shadow")
        time.sleep(BUDGET_S)  # what is asked beside a decision ends after it
        said = answered(endpoint)

    ends = resolved(made, "advice-shadowed")
    assert ("failed", UNREACHABLE) in ends
    assert {resolution for resolution, _ in ends} <= {"failed", "breaker-open"}
    assert NOTHING in said


def test_off_does_not_even_greet_it(tmp_path: Path) -> None:
    with asking(tmp_path, "off") as (made, client, endpoint):
        decide_in_time(made, client, "reasoning-off")
        said = answered(endpoint)

    assert resolved(made, "advice-resolved") == resolved(made, "advice-shadowed") == set()
    assert NOTHING in said


def test_the_same_endpoint_is_asked_once_its_certificate_is_trusted(tmp_path: Path) -> None:
    with asking(tmp_path, "active", vouched=True) as (made, client, endpoint):
        made.reasons_until(client, "advice-approved")
        said = answered(endpoint)

    assert NOTHING not in said
    assert "approve" in said
