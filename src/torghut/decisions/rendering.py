"""A decision row as published JSON, and as a typed decision.

The row holds numbers; names, units and thresholds stand in the declarations in force when it was
decided, and those a ``RenderContext`` spells once. What is left for each row: its values in JSON,
all in one go, and its codes in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from typing import ClassVar, Final, NoReturn

import msgspec
import numpy as np

from torghut.decisions.render_context import SHOWN_FIRST, RenderContext, Taken, taking
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.ids import source_key_of_words
from torghut.schemas.codes import (
    Domain,
    Expert,
    Gate,
    GateStatus,
    Intent,
    Mode,
    Path,
    PositionBasis,
    Reason,
    Stream,
    Trigger,
    published_names,
)
from torghut.schemas.decision import Decision
from torghut.schemas.leaf import LAYOUTS, leaf_version, row_bytes, row_values, value_names

_NO_REGIME: Final = 255
_SEQUENCE_MAX: Final = 2**53
_NULL: Final = b"null"
_ENCODER: Final = msgspec.json.Encoder()

_GATES: Final = tuple(f"gate_status.{at}" for at in range(len(Gate)))
_AGES: Final = tuple(f"age_ns.{at}" for at in range(len(Domain)))
_LINEAGE: Final = tuple(f"lineage.{at}" for at in range(4))
_TIMES: Final = ("event_ns", "receive_ns", "decided_ns", "valid_until_ns")
_ACTED_ON: Final = ("bid", "ask", "reference_price", "target", "delta", "position")
_NAMED: Final = ("source_low", "source_high", "stream", "intent", "path", "mode", "basis", "lead")
_INTENT: Final = _NAMED.index("intent")
_TARGET, _DELTA = map(SHOWN_FIRST.index, ("target", "delta"))
_LIMITS: Final = ("confidence", "notional_cap", "allotment", "equity")


class RowUnrenderableError(TorghutError):
    """A decision row is not what its layout, its symbol or its lineage allow.

    Nothing is published of such a row: it was altered, or belongs to another symbol or lineage.
    """

    code: ClassVar[str] = "decisions.row-unrenderable"
    exit_code: ClassVar[ExitCode] = ExitCode.INTEGRITY

    def __init__(self, *, what: str, expected: str, found: str) -> None:
        super().__init__(f"decision row: expected {what} {expected}, found {found}")
        self.what = what
        self.expected = expected
        self.found = found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Where the values of one layout stand that are looked at one by one."""

    whose: Taken
    times: Taken
    figures: Taken
    sure: Taken
    named: Taken
    judged: Taken
    statuses: Taken
    ages: Taken


def render_json(row: bytes | np.void, context: RenderContext) -> bytes:
    """Return ``row`` as JSON that fits ``schemas/events/decisions/decided.v1.json``.

    Args:
        row: A row of dtype ``DECISION``, or its bytes.
        context: Of the row's symbol and lineage.

    Raises:
        LeafVersionError: The row is of a layout that is not known here.
        RowUnrenderableError: It is altered, or not of this symbol and lineage.
    """
    raw = row if isinstance(row, bytes) else row.tobytes()
    version = leaf_version(raw)
    if len(raw) != (expected := row_bytes(version)):
        _refuse("a length in bytes", expected, len(raw))
    values, reading, text = row_values(raw), _READINGS[version], context.texts[version]
    _check(values, reading, context)
    # Of what is not finite the encoder makes null.
    pieces = _ENCODER.encode(text.shown(values))[1:-1].split(b",")
    pieces += _spelled(values, reading, pieces, context)
    return text.filled(pieces)


def render_decision(row: bytes | np.void, context: RenderContext) -> Decision:
    """Return ``row`` as a typed decision, validated; many times slower than ``render_json``.

    Raises:
        LeafVersionError: The row is of a layout that is not known here.
        RowUnrenderableError: It is altered, or not of this symbol and lineage.
    """
    return Decision.model_validate_json(render_json(row, context))


def _check(values: Sequence[float], reading: _Reading, context: RenderContext) -> None:
    """Refuse a row that is not this symbol's, or that nobody should act on."""
    whose = reading.whose(values)
    if whose != context.whose:
        _refuse(f"a tag, then the key and the lineage of {context.symbol}", context.whose, whose)
    sequence, *times = reading.times(values)
    if sequence >= _SEQUENCE_MAX or min(times) < 0:
        _refuse("sequence and times", "from 0 on", (sequence, *times))
    figures = reading.figures(values)
    if not isfinite(sum(figures)) and not all(map(isfinite, figures)):  # the sum may be too large
        _refuse("prices, positions and limits", "finite", figures)
    intent, confidence = reading.sure(values)
    sure_at_most = 0.0 if intent == Intent.ABSTAIN else 1.0
    if not 0.0 <= confidence <= sure_at_most:
        _refuse("a confidence", f"from 0 to {sure_at_most}", confidence)


def _spelled(
    values: Sequence[float], reading: _Reading, pieces: Sequence[bytes], context: RenderContext
) -> tuple[bytes, ...]:
    """Return what is ``SPELLED`` of a row beside its values, in that order."""
    named, ages_ns = reading.named(values), reading.ages(values)
    regime, reasons, triggers, position_age_ns = reading.judged(values)
    abstains = named[_INTENT] == Intent.ABSTAIN
    return (
        *_words_of(*named),
        _NULL if regime == _NO_REGIME else _word(context.regime_texts, regime, "regime"),
        _codes_of(Reason, reasons),
        _codes_of(Trigger, triggers),
        _NULL if abstains else pieces[_TARGET],
        _NULL if abstains else pieces[_DELTA],
        _age(position_age_ns),
        context.lineage,
        *_statuses_of(reading.statuses(values)),
        *map(_verdict, ages_ns, context.limits_ns, _stale(reasons)),
        *map(_age, ages_ns),
    )


def _verdict(age_ns: int, limit_ns: int | None, stale: int) -> bytes:
    """Return the freshness of one domain; ``stale`` is the kernel's own judgement."""
    if limit_ns is None:
        return b"not-applicable"
    if age_ns < 0:
        return b"missing"
    return b"stale" if stale else b"fresh"


def _word(words: Sequence[bytes], number: int, what: str) -> bytes:
    """Return the published word for a code."""
    if number >= len(words):
        _refuse(what, f"below {len(words)}", number)
    return words[number]


@lru_cache(maxsize=4096)
def _words_of(  # noqa: PLR0913, PLR0917 - a row's codes, of which few combinations are ever seen
    low: int, high: int, stream: int, intent: int, path: int, mode: int, basis: int, lead: int
) -> tuple[bytes, ...]:
    """Return how ids spell a source, and the published words for codes."""
    return (
        source_key_of_words(low, high).hex().encode(),
        _word(_STREAMS, stream, "stream"),
        _word(_INTENTS, intent, "intent"),
        _word(_PATHS, path, "path"),
        _word(_MODES, mode, "mode"),
        _word(_BASES, basis, "position basis"),
        _word(_EXPERTS, lead, "lead expert"),
    )


@lru_cache(maxsize=4096)
def _statuses_of(statuses: tuple[int, ...]) -> tuple[bytes, ...]:
    """Return the published words for what the gates came to."""
    return tuple(_word(_STATUSES, status, "gate status") for status in statuses)


@lru_cache(maxsize=4096)
def _codes_of(kind: type[Reason | Trigger], word: int) -> bytes:
    """Return the published names of the bits set in ``word`` as JSON, lowest first."""
    if word >> len(kind):
        _refuse(f"bits of {kind.__name__}", f"below {len(kind)}", hex(word))
    names = published_names(kind)
    return _ENCODER.encode([name for bit, name in enumerate(names) if word >> bit & 1])


@lru_cache(maxsize=4096)
def _stale(reasons: int) -> tuple[int, ...]:
    """Return of each domain whether the kernel judged it stale."""
    bits = (Reason.STALE_MARKET, Reason.STALE_NEWS, Reason.STALE_FUNDAMENTALS)
    return tuple(reasons >> bit & 1 for bit in bits)


def _age(age_ns: int) -> bytes:
    """Return an age as JSON, null where nothing was ever seen."""
    return _NULL if age_ns < 0 else b'"%d"' % age_ns


def _words(
    kind: type[Intent | Path | Mode | PositionBasis | Stream | Expert | GateStatus],
) -> Sequence[bytes]:
    """Return the published names of a closed world, by number."""
    return [name.encode() for name in published_names(kind)]


def _reading(version: int) -> _Reading:
    """Return where the values of a layout stand."""
    names = value_names(version)

    def taken(*wanted: str) -> Taken:
        return taking(names, wanted)

    return _Reading(
        whose=taken("tag", "symbol_key", *_LINEAGE),
        times=taken("sequence", *_TIMES),
        figures=taken(*_ACTED_ON, *_LIMITS),
        sure=taken("intent", "confidence"),
        named=taken(*_NAMED),
        judged=taken("regime", "reasons", "triggers", "position_age_ns"),
        statuses=taken(*_GATES),
        ages=taken(*_AGES),
    )


def _refuse(what: str, expected: object, found: object) -> NoReturn:
    """Refuse the row."""
    raise RowUnrenderableError(what=what, expected=str(expected), found=str(found))


_READINGS: Final[Mapping[int, _Reading]] = {version: _reading(version) for version in LAYOUTS}
_INTENTS: Final = _words(Intent)
_PATHS: Final = _words(Path)
_MODES: Final = _words(Mode)
_BASES: Final = _words(PositionBasis)
_STREAMS: Final = _words(Stream)
_EXPERTS: Final = _words(Expert)
_STATUSES: Final = _words(GateStatus)
