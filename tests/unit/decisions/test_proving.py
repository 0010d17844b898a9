"""A proof shows one decision under the run's root, and no byte of it can be changed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from functools import cache
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.declared import ROOT
from tests.logs import contexts, gathered, in_memory
from torghut.decisions.proving import (
    ROW_BYTES,
    InclusionPath,
    Proof,
    ProofContent,
    ProofUnmadeError,
    RowHead,
    row_head,
    seal_proof,
    verify_proof,
)
from torghut.decisions.rendering import render_json
from torghut.eventlog.roots import root_of_run
from torghut.kernel.canonical import JsonObject, canonical_bytes, parse_json_object
from torghut.kernel.digests import Frontier, inclusion_proof, proves_inclusion, tree_root
from torghut.kernel.errors import ExitCode
from torghut.schemas.rows import DECISION
from torghut.workflows.lookup.finding import Selection, run_id_of, select_newest
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.lookup.proof import prove

SCALARS: Final = [name for name in DECISION.names or () if not DECISION[name].shape]


async def proofs(count: int, seed: int, batch: int, arm: str = "serving") -> tuple[list[bytes], str]:
    """Return the proofs of every decision of a small log, and its root."""
    log = await in_memory(contexts(count, seed=seed), batch=batch, shadow=True)
    rules = Rulebook(log, run_id=await run_id_of(log))
    made = []
    for found in await gathered(select_newest(log, Selection(arm=arm), 0)):
        rendered = parse_json_object(await rules.render(found))
        made.append(await prove(log, found, decision_id=str(rendered["decision_id"])))
    return made, await root_of_run(log, arm=arm)


@cache
def example() -> tuple[bytes, str]:
    """Return one proof and the root that it leads to."""
    made, root = asyncio.run(proofs(60, 5, 16))
    return made[len(made) // 2], root


def changed(**keys: object) -> ProofContent:
    """Return the content of the example with some of it changed."""
    stated = {**parse_json_object(example()[0]), **keys}
    del stated["content_hash"]
    return ProofContent.model_validate(stated)


def resealed(**keys: object) -> bytes:
    """Return the example with some of it changed and a digest that fits."""
    stated: JsonObject = changed(**keys).model_dump(mode="json")
    made = {"content_hash": "0" * 64}
    made["content_hash"] = _digest(stated)
    return canonical_bytes({**stated, **made})


def _digest(stated: JsonObject) -> str:
    from hashlib import sha256

    return sha256(canonical_bytes(stated)).hexdigest()
