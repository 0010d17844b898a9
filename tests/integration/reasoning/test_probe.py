"""``torghut reasoning probe`` against real endpoints that do and do not answer as they must."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.support.machine.certificates import self_signed
from torghut.adapters.endpoint.faults import FAULTS
from torghut.adapters.endpoint.script import parse_script
from torghut.adapters.endpoint.serving import serve_endpoint
from torghut.composition.advice.probing import probe
from torghut.composition.advice.settings import EndpointAccess
from torghut.reasoning.specialist import NAME
from torghut.workflows.reasoning.probing import Probed, Stage

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]

KEY: Final = "sk-a-secret-that-nobody-may-see"
ALL: Final = ["name", "connection", "encryption", "authentication", "answer", "schema"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A probe's outcome.

    Attributes:
        found: By the probe.
        requests: That the endpoint got.
    """

    found: Probed
    requests: int


def probed(script: str, *, budget_ms: int = 5_000) -> Call:
    """Return what a probe finds of a stand-in, and how often that was asked."""

    async def run() -> Call:
        async with serve_endpoint(parse_script(script, FAULTS), host="127.0.0.1", port=0) as served:
            access = EndpointAccess(url=served.url, model=NAME, key=KEY, authorities=None)
            found = await probe(access, budget_ms=budget_ms)
            return Call(found=found, requests=len(served.requests))

    return asyncio.run(run())


def last(stages: Sequence[Stage]) -> tuple[str, str]:
    """Return where a probe ended, and with which code."""
    return stages[-1].name, stages[-1].code


def test_endpoint_that_answers_passes_every_stage_in_one_call() -> None:
    call = probed("good")

    assert [one.name for one in call.found.stages if one.passed] == ALL
    assert call.found.stages[-1].detail.startswith("signal: flat, ")
    assert call.requests == 1


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("status-401", ("authentication", "reasoning.endpoint-unauthorised")),
        ("status-500", ("answer", "reasoning.endpoint-refused")),
        ("redirect-internal", ("answer", "reasoning.endpoint-refused")),
        ("reset", ("answer", "reasoning.endpoint-unreachable")),
        ("hang", ("answer", "reasoning.deadline")),
        ("not-json", ("schema", "reasoning.reply-malformed")),
    ],
)
def test_fault_is_told_at_its_stage_after_one_call(script: str, expected: tuple[str, str]) -> None:
    call = probed(script, budget_ms=1_500)

    assert last(call.found.stages) == expected
    assert call.requests == 1


@pytest.mark.parametrize(
    ("vouched", "expected"),
    [(True, ("schema", "")), (False, ("encryption", "reasoning.endpoint-unreachable"))],
)
def test_certificate_has_to_be_vouched_for(
    tmp_path: Path, *, vouched: bool, expected: tuple[str, str]
) -> None:
    certificate = self_signed(tmp_path, "127.0.0.1")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)

    async def run() -> Probed:
        script = parse_script("good", FAULTS)
        async with serve_endpoint(script, host="127.0.0.1", port=0, tls=tls) as served:
            authorities = str(certificate) if vouched else None
            access = EndpointAccess(url=served.url, model=NAME, key=KEY, authorities=authorities)
            return await probe(access, budget_ms=5_000)

    assert last(asyncio.run(run()).stages) == expected


def test_no_secret_is_told_whatever_happens() -> None:
    told = [repr(probed(one, budget_ms=1_500).found) for one in ("good", "status-401", "not-json")]

    assert not any(KEY in one for one in told)


def test_nobody_listens_and_no_such_name_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    access = EndpointAccess(url=f"http://127.0.0.1:{port}/v1", model=NAME, key="", authorities=None)
    unknown = EndpointAccess(url="https://nobody.invalid/v1", model=NAME, key="", authorities=None)

    silent = asyncio.run(probe(access, budget_ms=2_000)).stages
    nameless = asyncio.run(probe(unknown, budget_ms=2_000)).stages

    assert last(silent) == ("connection", "reasoning.endpoint-unreachable")
    assert nameless[-1].name == "name"
