"""Which router package serves a symbol: its router's, and the last known good without one."""

from __future__ import annotations

import asyncio
import dataclasses
import json

from tests.support.decisions.declared import redeclared, shipped
from tests.support.decisions.loops import A, drifting, empty_log, part_of, run_on, source_of
from tests.support.decisions.packages import eager_package


def test_a_symbol_that_moves_to_another_router_is_served_its_package() -> None:
    # §4.2 lineage: packages in force; "fx-other" is named, the package of "fx-intraday" serves.
    base = shipped()
    router = base.router.model_dump(mode="json")
    router["packages"]["fx"] = ["fx-intraday", "fx-other"]
    policy = type(base.router).model_validate_json(json.dumps(router))

    def move(body: dict[str, object]) -> None:
        body["router"] = "fx-other"

    before = dataclasses.replace(base, router=policy)
    after = redeclared(move, A, before)
    packages = {"fx-intraday": eager_package(), "fx-other": eager_package("fx-other", bias=1.0)}

    async def run() -> None:
        log, rows = empty_log(), drifting([0] * 40)
        await run_on(part_of(source_of(rows), 20), log, declared=before, packages=packages)
        fold = await run_on(source_of(rows), log, declared=after, packages=packages)
        assert fold.symbols[0].package == packages["fx-other"].digest

    asyncio.run(run())


def test_without_a_package_on_the_disk_the_last_known_good_serves() -> None:
    # Issue 3: "No package: last known good, else defensive"; the log itself keeps its bytes.
    async def run() -> None:
        log, rows = empty_log(), drifting([0] * 40)
        await run_on(part_of(source_of(rows), 20), log)
        fold = await run_on(source_of(rows), log, packages={})
        assert fold.symbols[0].package == eager_package().digest

    asyncio.run(run())
