"""What asks a model speaks to the configured endpoint, and importing it to nobody."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Final

import pytest

from torghut.adapters.endpoint.faults import FAULTS
from torghut.adapters.endpoint.script import parse_script
from torghut.adapters.endpoint.serving import serve_endpoint

pytestmark = [pytest.mark.slow, pytest.mark.enable_socket]

GUARDED: Final = """
import json, sys
seen = []

def guard(event, given):
    if event == "socket.connect":
        seen.append(list(given[1][:2]) if isinstance(given[1], tuple) else [given[1], 0])
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        seen.append(list(given[:2]))
    elif event == "urllib.Request":
        seen.append([given[0], 0])

sys.addaudithook(guard)

import asyncio
from torghut.composition.advice import asking, probing
from torghut.composition.advice.settings import EndpointAccess

imported = [list(one) for one in seen]
access = EndpointAccess(url=sys.argv[1], model="m", key="", authorities=None)
found = asyncio.run(probing.probe(access, budget_ms=20_000))
print(json.dumps([imported, seen, [one.passed for one in found.stages]]))
"""


def test_nobody_but_the_configured_endpoint_is_spoken_to() -> None:
    async def run() -> tuple[str, str]:
        async with serve_endpoint(parse_script("good", FAULTS), host="127.0.0.1", port=0) as served:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", GUARDED, served.url),
                stdout=asyncio.subprocess.PIPE,
            )
            said, _ = await child.communicate()
            return served.url, said.decode()

    url, said = asyncio.run(run())
    port = int(url.rpartition(":")[2].partition("/")[0])
    imported, seen, passed = json.loads(said.splitlines()[-1])

    assert imported == []
    assert {tuple(one) for one in seen} == {("127.0.0.1", port)}
    assert passed == [True] * 6
