"""The fold as bytes, and back: a cache of the log that any change of layout or build voids."""

from __future__ import annotations

import inspect
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import zstandard
from pydantic import Field, TypeAdapter

from torghut.decisions import declarations, parameters
from torghut.decisions.fold import control, folding, identities, placement, symbols
from torghut.decisions.fold.folding import DecisionFold
from torghut.decisions.fold.identities import Identities
from torghut.decisions.fold.placement import Held, Waiting
from torghut.decisions.fold.symbols import SymbolFacts
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.digests import sha256_hex
from torghut.schemas.control import ControlRecord, DeclarationsChanged, PackageChanged
from torghut.schemas.rows import CONTEXT, DECISION, PARAMETERS, STATE
from torghut.schemas.types import Message, Nanoseconds

_LENGTH: Final = struct.Struct("<Q")
_LEVEL: Final = 3


class _Facts(Message):
    """What holds for one symbol."""

    name: str
    declarations: str
    package: str
    control: str


class _Held(Message):
    """A waiting control record."""

    in_force_ns: Nanoseconds
    order: int
    record: ControlRecord


class _Body(Message):
    """Everything of a fold that is not a row."""

    symbols: tuple[_Facts, ...]
    sources: tuple[str, ...]
    by_symbol: dict[int, tuple[_Held, ...]]
    standing: tuple[_Held, ...]
    arrived: int = Field(ge=0)
    identities: dict[str, str]
    declared: str
    served: dict[str, str]
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
    modules = (control, declarations, folding, identities, parameters, placement, symbols)
    return sha256_hex(b"\0".join(inspect.getsource(module).encode() for module in modules))


def take_snapshot(fold: DecisionFold) -> bytes:
    """Return the fold's memory as compressed bytes."""
    waiting = fold.waiting
    body = _Body(
        symbols=tuple(
            _Facts(name=f.name, declarations=f.declarations, package=f.package, control=f.control)
            for f in fold.symbols
        ),
        sources=tuple(fold.sources),
        by_symbol={symbol: _pack(held) for symbol, held in waiting.by_symbol.items()},
        standing=_pack(waiting.standing),
        arrived=waiting.arrived,
        identities=dict(sorted(fold.identities.taken.items())),
        declared=fold.declared,
        served=dict(fold.served),
        arms=tuple(fold.arms),
    )
    head = _BODY.dump_json(body)
    rows = b"".join(states.tobytes() for states in fold.arms.values())
    return zstandard.compress(_LENGTH.pack(len(head)) + head + rows, _LEVEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cited:
    """Digests of what must be registered before a snapshot is restored, each sorted."""

    declarations: Sequence[str]
    packages: Sequence[str]


def snapshot_cites(body: bytes) -> Cited:
    """Return what the symbols and the waiting records of a snapshot rest on."""
    head, _ = _parse(body)
    held = [h.record for many in head.by_symbol.values() for h in many]
    records = [*held, *(h.record for h in head.standing)]
    declarations = {f.declarations for f in head.symbols} | {head.declared}
    packages = {f.package for f in head.symbols} | set(head.served.values())
    declarations |= {r.declarations for r in records if isinstance(r, DeclarationsChanged)}
    packages |= {r.package or "" for r in records if isinstance(r, PackageChanged)}
    return Cited(declarations=sorted(declarations), packages=sorted(packages - {""}))


def restore_snapshot(fold: DecisionFold, body: bytes) -> None:
    """Give ``fold``, just made, the memory that a snapshot holds.

    The declarations and packages that the symbols name must be registered already.
    """
    head, rows = _parse(body)
    fold.symbols = [
        SymbolFacts(name=f.name, declarations=f.declarations, package=f.package, control=f.control)
        for f in head.symbols
    ]
    fold.sources = list(head.sources)
    fold.identities = Identities(taken=dict(head.identities))
    fold.declared, fold.served = head.declared, dict(head.served)
    fold.waiting = Waiting(
        by_symbol={symbol: _unpack(held) for symbol, held in head.by_symbol.items()},
        standing=_unpack(head.standing),
        arrived=head.arrived,
    )
    size = len(head.symbols) * STATE.itemsize
    for place, arm in enumerate(head.arms):
        fold.arms[arm] = np.frombuffer(rows[place * size : (place + 1) * size], STATE).copy()
    fold.rebuild_tables()


def _parse(body: bytes) -> tuple[_Body, bytes]:
    """Return the two parts of a snapshot: what is no row, and the rows of all arms."""
    plain = zstandard.decompress(body)
    (length,) = _LENGTH.unpack_from(plain)
    start = _LENGTH.size + length
    return _BODY.validate_json(plain[_LENGTH.size : start]), plain[start:]


def _pack(held: Sequence[Held]) -> tuple[_Held, ...]:
    """Return waiting records as models."""
    return tuple(_Held(in_force_ns=h.in_force_ns, order=h.order, record=h.record) for h in held)


def _unpack(held: Sequence[_Held]) -> list[Held]:
    """Return models as waiting records."""
    return [Held(in_force_ns=h.in_force_ns, order=h.order, record=h.record) for h in held]
