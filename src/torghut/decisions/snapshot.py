"""The fold as bytes, and back: a cache of the log that any change of layout or build voids."""

from __future__ import annotations

import inspect
import struct
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import zstandard
from pydantic import Field, TypeAdapter, ValidationError

from torghut.decisions import declarations, parameters
from torghut.decisions.errors import SnapshotUnreadableError
from torghut.decisions.fold import (
    books,
    control,
    folding,
    identities,
    lineage,
    memory,
    placement,
    reported,
    symbols,
    tables,
)
from torghut.decisions.fold.books import Books
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.identities import SHORT, Identities
from torghut.decisions.fold.placement import Held, Waiting
from torghut.decisions.fold.reported import Fill, ReportedBook
from torghut.decisions.fold.symbols import Installed, Promoted, SymbolFacts
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas import control as records
from torghut.schemas.control import ControlRecord, PackageChanged
from torghut.schemas.rows import CONTEXT, DECISION, PARAMETERS, STATE
from torghut.schemas.types import Message, Nanoseconds, Sha256

_LENGTH: Final = struct.Struct("<Q")
_LEVEL: Final = 3


class _Facts(Message):
    """What holds for one symbol."""

    name: str
    declarations: str
    package: str
    control: str
    packages: dict[str, str]


class _Held(Message):
    """A waiting control record."""

    in_force_ns: Nanoseconds
    order: int
    record: ControlRecord


class _Body(Message):
    """Everything of a fold that is not a row; declarations in the order registered."""

    declarations: tuple[Sha256, ...]
    symbols: tuple[_Facts, ...]
    sources: tuple[str, ...]
    by_symbol: dict[int, tuple[_Held, ...]]
    standing: tuple[_Held, ...]
    arrived: int = Field(ge=0)
    taken: str
    fills: dict[str, dict[str, Fill]]
    books: dict[int, ReportedBook]
    declared: str
    served: dict[str, str]
    installed_declarations: str
    installed_packages: dict[str, str]
    promoted: dict[str, tuple[str, ...]]
    reverted: bool
    epoch: int = Field(ge=0)
    heartbeat: str
    arms: tuple[str, ...]


_BODY: Final = TypeAdapter(_Body)


def snapshot_key(fold: DecisionFold) -> str:
    """Return the digest of everything that the meaning of a snapshot depends on.

    Any change of the code that made it voids a snapshot, even a comment's: it is only a cache.
    """
    layouts = [str(dtype.descr) for dtype in (CONTEXT, STATE, PARAMETERS, DECISION)]
    return sha256_hex(
        canonical_bytes({"build": fold.kernel.build, "code": _code(), "layouts": layouts})
    )


@cache
def _code() -> str:
    """Return the digest of the modules, apart from the kernel, that say what the fold remembers."""
    modules = (
        *(books, control, folding, identities, lineage, memory, placement, reported, symbols),
        *(tables, declarations, parameters, records, sys.modules[__name__]),
    )
    return sha256_hex(b"\0".join(inspect.getsource(module).encode() for module in modules))


def take_snapshot(fold: DecisionFold) -> bytes:
    """Return the fold's memory as compressed bytes."""
    waiting = fold.waiting
    body = _Body(
        declarations=tuple(fold.declarations),
        symbols=tuple(
            _Facts(
                name=f.name,
                declarations=f.declarations,
                package=f.package,
                control=f.control,
                packages=dict(f.packages),
            )
            for f in fold.symbols
        ),
        sources=tuple(fold.sources),
        by_symbol={symbol: _pack(held) for symbol, held in sorted(waiting.by_symbol.items())},
        standing=_pack(waiting.standing),
        arrived=waiting.arrived,
        taken=b"".join(map(b"".join, sorted(fold.identities.taken.items()))).hex(),
        fills=fold.identities.fills,
        books=fold.books.by_symbol,
        declared=fold.declared,
        served=dict(fold.served),
        installed_declarations=fold.installed.declarations,
        installed_packages=dict(fold.installed.packages),
        promoted={name: tuple(known) for name, known in fold.promoted.by_router.items()},
        reverted=fold.promoted.reverted,
        epoch=fold.identities.epoch,
        heartbeat=fold.identities.heartbeat.hex(),
        arms=tuple(fold.arms),
    )
    head = _BODY.dump_json(body)
    rows = b"".join(states.tobytes() for states in fold.arms.values())
    return zstandard.compress(_LENGTH.pack(len(head)) + head + rows, _LEVEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """Digests of what must be known before a snapshot is restored.

    Attributes:
        declarations: To be registered in this order: symbols are born with the earliest.
        packages: Sorted.
    """

    declarations: Sequence[str]
    packages: Sequence[str]


def snapshot_cites(body: bytes) -> Cited:
    """Return what the symbols and the waiting records of a snapshot rest on.

    Raises:
        SnapshotUnreadableError: ``body`` is no snapshot.
    """
    head, _ = _parse(body)
    held = [h.record for many in (*head.by_symbol.values(), head.standing) for h in many]
    packages = {f.package for f in head.symbols} | set(head.served.values())
    packages |= {digest for f in head.symbols for digest in f.packages.values()}
    packages |= {r.package or "" for r in held if isinstance(r, PackageChanged)}
    packages |= {digest for known in head.promoted.values() for digest in known}
    return Cited(declarations=head.declarations, packages=sorted(packages - {""}))


def restore_snapshot(fold: DecisionFold, body: bytes) -> None:
    """Give ``fold``, just made, the memory that a snapshot holds.

    What it cites must be known to the fold already.

    Raises:
        SnapshotUnreadableError: ``body`` is no snapshot.
    """
    head, rows = _parse(body)
    fold.symbols = [
        SymbolFacts(
            name=f.name,
            declarations=f.declarations,
            package=f.package,
            control=f.control,
            packages=dict(f.packages),
        )
        for f in head.symbols
    ]
    fold.identities = Identities(
        taken=_pairs(bytes.fromhex(head.taken)),
        fills=dict(head.fills),
        epoch=head.epoch,
        heartbeat=bytes.fromhex(head.heartbeat),
    )
    fold.promoted = Promoted(
        by_router={name: list(known) for name, known in head.promoted.items()},
        reverted=head.reverted,
    )
    fold.books = Books(by_symbol=dict(head.books))
    fold.declared, fold.served = head.declared, dict(head.served)
    fold.installed = Installed(
        declarations=head.installed_declarations, packages=dict(head.installed_packages)
    )
    fold.waiting = Waiting(
        by_symbol={symbol: _unpack(held) for symbol, held in head.by_symbol.items()},
        standing=_unpack(head.standing),
        arrived=head.arrived,
    )
    size = len(head.symbols) * STATE.itemsize
    for place, arm in enumerate(head.arms):
        fold.arms[arm] = np.frombuffer(rows[place * size : (place + 1) * size], STATE).copy()
    fold.rebuild_tables(head.sources)


def _parse(body: bytes) -> tuple[_Body, bytes]:
    """Return the two parts of a snapshot: what is no row, and the rows of all arms."""
    try:
        plain = zstandard.decompress(body)
        (length,) = _LENGTH.unpack_from(plain)
        start = _LENGTH.size + length
        head, rows = _BODY.validate_json(plain[_LENGTH.size : start]), plain[start:]
    except (zstandard.ZstdError, struct.error, ValidationError) as error:
        raise SnapshotUnreadableError(found=f"{len(body)} bytes of something else") from error
    expected = len(head.arms) * len(head.symbols) * STATE.itemsize
    if len(rows) != expected:
        raise SnapshotUnreadableError(found=f"{len(rows)} bytes of rows instead of {expected}")
    return head, rows


def _pairs(words: bytes) -> dict[bytes, bytes]:
    """Return short digests by short digests, out of all of them in turn."""
    starts = range(0, len(words), 2 * SHORT)
    return {words[i : i + SHORT]: words[i + SHORT : i + 2 * SHORT] for i in starts}


def _pack(held: Sequence[Held]) -> tuple[_Held, ...]:
    """Return waiting records as models."""
    return tuple(_Held(in_force_ns=h.in_force_ns, order=h.order, record=h.record) for h in held)


def _unpack(held: Sequence[_Held]) -> list[Held]:
    """Return models as waiting records."""
    return [Held(in_force_ns=h.in_force_ns, order=h.order, record=h.record) for h in held]
