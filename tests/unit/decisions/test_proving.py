"""A proof shows one decision under the run's root, and no byte of it can be changed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.decisions.declared import ROOT
from tests.support.decisions.logs import contexts, gathered, in_memory
from torghut.decisions.proving import (
    InclusionPath,
    ProofUnmadeError,
    seal_proof,
    verify_proof,
)
from torghut.eventlog.roots import root_of_run
from torghut.kernel.canonical import JsonValue, canonical_bytes, parse_json_object
from torghut.kernel.digests import (
    Frontier,
    inclusion_proof,
    proves_inclusion,
    run_root,
    sha256_hex,
    tree_root,
)
from torghut.kernel.errors import ExitCode
from torghut.schemas.proof import ProofContent
from torghut.workflows.lookup.finding import Selection, run_id_of, select_newest
from torghut.workflows.lookup.in_force import Rulebook
from torghut.workflows.lookup.proof import prove

GOLDEN: Final = ROOT / "tests/replay/golden/messages/artifacts/decision-proof.v1"


async def proofs(count: int, seed: int, batch: int, arm: str) -> tuple[list[bytes], str]:
    """Return the proofs of every decision of a small log, and the root of that arm."""
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
    made, root = asyncio.run(proofs(60, 5, 16, "serving"))
    return made[len(made) // 2], root


def changed(**keys: JsonValue) -> dict[str, JsonValue]:
    """Return what the example states, with some of it changed."""
    stated = {**parse_json_object(example()[0]), **keys}
    del stated["content_hash"]
    return stated


def resealed(**keys: JsonValue) -> bytes:
    """Return the example with some of it changed and a content hash that fits again."""
    stated = changed(**keys)
    return canonical_bytes({**stated, "content_hash": sha256_hex(canonical_bytes(stated))})


def failed(body: bytes) -> list[str]:
    """Return the checks that fail."""
    return [
        check.name for check in verify_proof(body, root=example()[1]).checks if not check.passed
    ]


def test_verifying_needs_neither_numpy_nor_settings_nor_a_database() -> None:
    script = (
        "import sys, torghut.decisions.proving\n"
        "heavy = {'numpy', 'numba', 'sqlalchemy', 'torghut.settings', 'torghut.composition'}\n"
        "sys.exit(sorted(heavy & set(sys.modules)) or None)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT / "src")},
    )

    assert ended.returncode == 0, ended.stderr


@settings(max_examples=6, deadline=None)
@given(
    st.integers(0, 2**16),
    st.integers(1, 90),
    st.integers(1, 40),
    st.sampled_from(["serving", "router"]),
)
def test_every_decision_of_a_log_proves(seed: int, count: int, batch: int, arm: str) -> None:
    made, root = asyncio.run(proofs(count, seed, batch, arm))

    assert {verify_proof(body, root=root).exit_code for body in made} <= {ExitCode.YES}
    assert len({parse_json_object(body)["decision_id"] for body in made}) == len(made)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 200), st.data())
def test_path_gathered_in_passing_is_that_of_the_whole_tree(size: int, data: st.DataObject) -> None:
    leaves = [bytes([number]) * 32 for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    cuts = sorted(data.draw(st.lists(st.integers(index + 1, size), max_size=5)))
    path = InclusionPath(index=index, before=Frontier().extend(leaves[:index]))

    for start, stop in zip([index + 1, *cuts], [*cuts, size], strict=True):
        path.extend(leaves[start:stop])

    assert path.digests() == inclusion_proof(leaves, index)
    assert path.size == size
    assert proves_inclusion(
        leaves[index], index=index, size=size, proof=path.digests(), root=tree_root(leaves)
    )


def test_proof_holds_under_its_root() -> None:
    body, root = example()

    verdict = verify_proof(body, root=root)

    assert verdict.sound
    assert verdict.exit_code is ExitCode.YES
    assert [check.name for check in verdict.checks] == [
        "file", "row", "leaf", "names", "lineage", "tree", "run",
    ]  # fmt: skip


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_proof_written_long_ago_still_verifies(path: Path) -> None:
    body = path.read_bytes()

    verdict = verify_proof(body, root=str(parse_json_object(body)["run_root"]))

    assert verdict.exit_code is ExitCode.YES


def test_without_a_root_nothing_is_acknowledged() -> None:
    verdict = verify_proof(example()[0])

    assert verdict.sound
    assert verdict.exit_code is ExitCode.NOT_FINAL


def test_another_root_disagrees() -> None:
    assert verify_proof(example()[0], root="0" * 64).exit_code is ExitCode.DISAGREES


def test_every_changed_byte_fails() -> None:
    body, root = example()

    for place in range(len(body)):
        altered = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        assert verify_proof(altered, root=root).exit_code is ExitCode.INTEGRITY, place


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_every_changed_missing_or_added_byte_fails(data: st.DataObject) -> None:
    body, root = example()
    place = data.draw(st.integers(0, len(body) - 1))
    put = data.draw(st.binary(max_size=2))
    altered = body[:place] + put + body[place + 1 :]

    verdict = verify_proof(altered, root=root)

    assert (altered == body) == (verdict.exit_code is ExitCode.YES)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b"null", b'{"type": "x"}'])
def test_other_files_are_no_proofs(body: bytes) -> None:
    verdict = verify_proof(body)

    assert verdict.exit_code is ExitCode.INTEGRITY
    assert verdict.proof is None


def test_cunning_changes_fail_where_they_are() -> None:
    stated = parse_json_object(example()[0])
    row = bytearray.fromhex(str(stated["row"]))
    row[-40] ^= 1
    other = sha256_hex(bytes(row))
    tree = {**changed()["tree"], "index": 0}  # type: ignore[dict-item]
    lineage = {**changed()["lineage"], "package": ""}  # type: ignore[dict-item]
    roots = {**changed()["roots"], "fxcm:GBPUSD": "ab" * 32}  # type: ignore[dict-item]

    assert failed(resealed(row=row.hex())) == ["leaf"]
    assert failed(resealed(row=row.hex(), leaf=other)) == ["tree"]
    assert failed(resealed(tree=tree)) == ["tree"]
    assert failed(resealed(lineage=lineage)) == ["lineage"]
    assert failed(resealed(roots=roots)) == ["run"]
    assert failed(resealed(run_root="ab" * 32)) == ["run"]
    assert failed(resealed(symbol="fxcm:GBPUSD")) == ["names", "tree"]
    assert failed(resealed(arm="router")) == ["names", "lineage"]
    context = str(stated["decision_id"]).rpartition(":")[0]
    assert failed(resealed(decision_id=f"{context}:99999/serving")) == ["names"]


def test_forged_proof_that_holds_together_is_not_under_the_root() -> None:
    row = bytearray.fromhex(str(parse_json_object(example()[0])["row"]))
    row[-40] ^= 1
    row[42:50] = (1).to_bytes(8, "little")  # its sequence, so that it may be the only leaf
    leaf = sha256_hex(bytes(row))
    symbol = str(changed()["symbol"])
    alone: dict[str, JsonValue] = {"index": 0, "size": 1, "path": []}
    forged = ProofContent.model_validate(
        changed(row=row.hex(), leaf=leaf, tree=alone, roots={symbol: leaf})
        | {"run_root": run_root({symbol: bytes.fromhex(leaf)})}
    )

    verdict = verify_proof(seal_proof(forged), root=example()[1])

    assert verdict.sound
    assert verdict.exit_code is ExitCode.DISAGREES


def test_what_would_not_verify_is_not_written() -> None:
    with pytest.raises(ProofUnmadeError):
        seal_proof(ProofContent.model_validate(changed(run_root="ab" * 32)))
