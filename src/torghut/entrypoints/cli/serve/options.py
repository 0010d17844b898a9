"""The options of ``torghut serve``, as typed and as meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from typing import Final, Literal, TypedDict

import click
from typing_extensions import override

from torghut.entrypoints.cli.run.options import Instant, Speed

_HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})", re.ASCII)
_PORT_MAX: Final = 65_535
_WORKER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class SourceKind(Enum):
    """Where contexts come from."""

    API = auto()
    STDIN = auto()
    SOCKET = auto()
    RECORDED = auto()


@dataclass(frozen=True, slots=True)
class LiveSource:
    """A source as it was named.

    Attributes:
        kind: Where its contexts come from.
        text: As typed.
        path: Of a socket; None of other kinds.
    """

    kind: SourceKind
    text: str
    path: Path | None = None


class LiveSourceType(click.ParamType):
    """``api:``, ``-`` for standard input, ``unix:PATH``, or a recorded source."""

    name = "uri"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> LiveSource:
        text = str(value)
        if text == "api:":
            return LiveSource(SourceKind.API, text)
        if text in {"-", "stdin:"}:
            return LiveSource(SourceKind.STDIN, "stdin:")
        if text.startswith("unix:"):
            path = text.removeprefix("unix:")
            if not path:
                self.fail(f"expected unix:PATH, found {text!r}", param, ctx)
            return LiveSource(SourceKind.SOCKET, text, Path(path))
        return LiveSource(SourceKind.RECORDED, text)


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the API listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class ListenType(click.ParamType):
    """``HOST:PORT``; port 0 takes any that is free."""

    name = "host:port"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> Listen:
        if isinstance(value, Listen):
            return value
        match = _HOST_PORT.fullmatch(str(value))
        if match is None or int(match[2]) > _PORT_MAX:
            self.fail(f"expected HOST:PORT such as 127.0.0.1:8787, found {value!r}", param, ctx)
        return Listen(match[1].strip("[]"), int(match[2]))


class WorkerNameType(click.ParamType):
    """A name that can stand in a file's name."""

    name = "name"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> str:
        text = str(value)
        if _WORKER.fullmatch(text) is None:
            self.fail(f"expected letters, digits, '.', '_' and '-', found {text!r}", param, ctx)
        return text


class ServeOptions(TypedDict):
    """What was typed."""

    source: LiveSource
    log: Path | None
    speed: Speed
    from_: Instant | None
    to: Instant | None
    mode: Literal["shadow", "paper", "live"] | None
    router_mode: Literal["static", "shadow", "live"] | None
    package: tuple[str, ...]
    listen: Listen
    listen_unix: Path | None
    allow_remote: bool
    tokens: Path | None
    worker: str
    until_end: bool
    govern: bool
    govern_key: Path | None
    advise: bool
    passages: Path | None
    program: str | None
    reasoning_mode: Literal["off", "shadow", "active"] | None
