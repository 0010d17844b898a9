"""A file of machine code is what was written, or none, whatever its digest says."""

from __future__ import annotations

import hashlib

import pytest

from torghut.kernel.native.images import MachineCode, from_bytes, to_bytes


@pytest.mark.parametrize(("results", "alone"), [("q", True), ("d", True), ("qq", False)])
def test_what_was_written_is_read(results: str, *, alone: bool) -> None:
    code = MachineCode(image=b"\n{}\n", results=results, alone=alone)

    assert from_bytes(to_bytes(code)) == code


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"not json",
        b"\xff",
        b"[" * 100_000,
        b'{"alone": true}',
        b'{"results": "q"}',
        b'{"alone": 1, "results": "q"}',
        b'{"alone": true, "results": ""}',
        b'{"alone": true, "results": "x"}',
        b'{"alone": false, "results": "qd"}',
        b'{"alone": true, "results": "qq"}',
        b'{"alone": true, "results": ["q"]}',
    ],
    ids=lambda head: head[:40].decode("latin-1"),
)
def test_head_that_nobody_writes_is_none_though_the_digest_is_right(head: bytes) -> None:
    body = head + b"\nimage"

    assert from_bytes(hashlib.sha256(body).hexdigest().encode() + body) is None
