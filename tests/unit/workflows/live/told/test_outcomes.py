"""Outcomes as they are told: the same live, read back from the log, and exported."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from tests.fakes.live import A, B, World, live_policy, offered
from tests.fakes.virtual_time import run_virtually
from torghut.eventlog.block import Block
from torghut.eventlog.errors import LogIntegrityError
from torghut.kernel.ids import parse_decision_id
from torghut.schemas.live.delivery import Decided, Refused
from torghut.workflows.live.told.outcomes import Renderings, outcomes_of, settled_then
from torghut.workflows.lookup.finding import DecisionFound, find
from torghut.workflows.lookup.in_force import Rulebook

LINE: TypeAdapter[Decided | Refused] = TypeAdapter(Decided | Refused)
MEASURED = ("ingress_wall_ns", "speed")


async def told(world: World) -> list[bytes]:
    """Return the outcomes of a few contexts of two symbols, some refused, as they were told."""
    contexts = [
        offered(n, symbol=(A, B)[n % 2], **({"bid": -1.0} if n % 5 == 4 else {})) for n in range(20)
    ]
    async with world.living() as worker:
        return [line for one in contexts for line in await worker.desk.decide([one])]


async def read_back(world: World, blocks: list[Block]) -> list[bytes]:
    renderings = Renderings(Rulebook(world.inner, run_id=""))
    return [
        line.text for block in blocks for line in await outcomes_of(settled_then(block), renderings)
    ]


def test_what_is_read_back_is_what_was_told_but_for_what_was_measured() -> None:
    async def main() -> None:
        world = World(policy=live_policy())
        live = [json.loads(line) for line in await told(world)]
        then = [json.loads(line) for line in await read_back(world, await world.blocks())]
        assert all(one["ingress_wall_ns"] is None for one in then)
        for one in (*live, *then):
            for key in MEASURED:
                del one[key]
        assert then == live

    run_virtually(main())


def test_every_line_fits_its_schema() -> None:
    async def main() -> None:
        world = World()
        live = await told(world)
        kinds = [type(LINE.validate_json(line)) for line in live]
        assert (kinds.count(Refused), kinds.count(Decided)) == (4, 16)
        for line in await read_back(world, await world.blocks()):
            LINE.validate_json(line)
            assert b"\n" not in line

    run_virtually(main())


def test_a_decision_is_told_as_it_is_found_and_exported() -> None:
    async def main() -> None:
        world = World()
        rules = Rulebook(world.inner, run_id="")
        for line in await told(world):
            body = json.loads(line)
            if "decision" not in body:
                continue
            found = await find(world.inner, parse_decision_id(body["decision"]["decision_id"]))
            assert isinstance(found, DecisionFound)
            exported = await rules.render(found)
            assert b'"decision":' + exported + b"}" in line

    run_virtually(main())


def test_a_block_that_does_not_name_what_it_mentions_is_not_told() -> None:
    async def main() -> None:
        world = World()
        await told(world)
        (block, *_) = await world.blocks()
        header = json.loads(block.header)
        for key in ("symbols", "sources", "lineages"):
            altered = json.dumps({**header, key: {}}).encode()
            with pytest.raises(LogIntegrityError):
                await read_back(world, [replace(block, header=altered)])

    run_virtually(main())


def test_the_lines_of_a_block_stand_in_its_order() -> None:
    async def main() -> None:
        world = World()
        async with world.living() as worker:
            lines = await worker.desk.decide([offered(n) for n in range(5)])
            positions = [json.loads(line)["position"] for line in lines]
            assert positions == [f"0:0:{n}" for n in range(5)]
            await asyncio.sleep(0)

    run_virtually(main())
