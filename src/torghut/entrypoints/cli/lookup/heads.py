"""Heads as text: what ``log head`` prints, people keep elsewhere, and ``log verify`` expects."""

from __future__ import annotations

import re
from typing import Final

import click
from typing_extensions import override

from torghut.eventlog.block import Head

_HEAD: Final = re.compile(
    r"((?P<partition>\d{1,6})[:\s])?(?P<number>\d{1,12})[:\s](?P<digest>[0-9a-f]{64})", re.ASCII
)


class HeadType(click.ParamType):
    """``NUMBER:DIGEST`` of a block, with ``PARTITION:`` before it where that is not 0."""

    name = "head"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Head:
        match = _HEAD.fullmatch(str(value).strip())
        if match is None:
            self.fail(
                f"expected NUMBER:DIGEST as `torghut log head` prints it, found {str(value)!r}",
                param,
                ctx,
            )
        return Head(
            partition=int(match["partition"] or 0),
            number=int(match["number"]),
            digest=match["digest"],
        )


def head_text(head: Head) -> str:
    """Return a head as it is printed."""
    text = f"{head.number}:{head.digest}"
    return f"{head.partition}:{text}" if head.partition else text
