"""A decision row as published JSON, and as a typed decision.

The row holds numbers; names, units and thresholds stand in the declarations in force when it was
decided. ``RenderContext`` spells those once for all rows of one symbol and lineage, so that a row
costs little more than its encoding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from math import isfinite, nan
from typing import ClassVar, Final, NoReturn

import msgspec
import numpy as np

from torghut.decisions.fold.lineage import Lineage, lineage_words
from torghut.decisions.parameters import gate_thresholds
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.kernel.ids import SERVING, role_suffix, source_key_of_words, symbol_key
from torghut.schemas.codes import (
    REGIME_LABELS,
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
)
from torghut.schemas.decision import Decision
from torghut.schemas.declarations.governance import GatePolicies
from torghut.schemas.declarations.instruments import Instrument
from torghut.schemas.leaf import DecisionFields, decision_fields, leaf_version, row_bytes

_NO_REGIME: Final = 255
_SEQUENCE_MAX: Final = 2**53
_ENCODER: Final = msgspec.json.Encoder()


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


class _Gate(msgspec.Struct, frozen=True, gc=False):
    """``schemas.decision.GateResult``, quick to make and to encode."""

    id: str
    status: str
    value: float | None
    comparator: str
    threshold: float
    unit: str


class _Freshness(msgspec.Struct, frozen=True, gc=False):
    """``schemas.decision.Freshness``."""

    status: str
    age_ns: str | None
    limit_ns: str | None


class _Decision(
    msgspec.Struct, frozen=True, gc=False, tag_field="type", tag="decisions.decided.v1"
):
    """``schemas.decision.Decision``; a test holds the two to the same names in the same order."""

    decision_id: str
    context_id: str
    symbol: str
    stream: str
    source_sequence: str
    sequence: int
    event_ns: str
    receive_ns: str
    decided_ns: str
    valid_until_ns: str
    intent: str
    path: str
    mode: str
    target_position: float | None
    delta: float | None
    unit: str
    currency: str
    reference_price: float
    bid: float
    ask: float
    position: float
    position_basis: str
    position_age_ns: str | None
    confidence: float
    notional_cap: float
    allotment: float
    paper_equity: float
    reasons: tuple[str, ...]
    triggers: tuple[str, ...]
    regime: str | None
    posterior: dict[str, float | None]
    entropy: float | None
    transition_probability: float | None
    expert_scores: dict[str, float | None]
    router_weights: dict[str, float | None]
    lead_expert: str
    blended_score: float | None
    disagreement: float | None
    gates: list[_Gate]
    freshness: dict[str, _Freshness]
    lineage: msgspec.Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderContext:
    """What rows of one symbol, made under one lineage, leave to the declarations.

    Attributes:
        symbol: The declared instrument.
        unit: Its base: what positions are counted in.
        currency: Its quote currency: what prices and notionals are in.
        regimes: Labels of the posterior's states; empty without a package.
        gates: Every gate's id, comparator and unit, in the order applied.
        thresholds: Every gate's threshold; the last two, allotment and cap, stand in the row.
        limits_ns: The age limit of each domain; None where it is declared not to apply.
        suffix: What the role adds to the context id.
        symbol_key: What a row of this symbol holds.
        lineage_words: What a row of this lineage holds.
        lineage: The lineage as published.
    """

    symbol: str
    unit: str
    currency: str
    regimes: tuple[str, ...]
    gates: tuple[tuple[str, str, str], ...]
    thresholds: tuple[float, ...]
    limits_ns: tuple[int | None, ...]
    suffix: str
    symbol_key: int
    lineage_words: tuple[int, ...]
    lineage: msgspec.Raw


def render_context(
    *,
    instrument: Instrument,
    gates: GatePolicies,
    parameters: np.void,
    lineage: Lineage,
    run_id: str = "",
) -> RenderContext:
    """Return what rows of ``instrument``'s symbol need to be rendered.

    Args:
        instrument: As declared when the rows were decided.
        gates: The gate policies of the same declarations.
        parameters: The symbol's row of dtype ``PARAMETERS``, made of the same.
        lineage: What the rows rest on.
        run_id: Names the run in the ids of decisions that do not serve; empty when serving.

    Raises:
        IdentifierMalformedError: A decision that does not serve without a run id, or the reverse.
    """
    required = parameters["domain_required"].tolist()
    limits_ns = parameters["age_limit_ns"].tolist()
    words = lineage_words(lineage.digest).tolist()
    return RenderContext(
        symbol=instrument.symbol,
        unit=instrument.base,
        currency=instrument.quote,
        regimes=REGIME_LABELS.get(int(parameters["regimes"]), ()),
        gates=tuple((policy.id, policy.comparator, policy.unit) for policy in gates.gates),
        thresholds=gate_thresholds(parameters, allotment=nan, notional_cap=nan),
        limits_ns=tuple(
            limit if needed else None for limit, needed in zip(limits_ns, required, strict=True)
        ),
        suffix=_suffix(lineage, run_id),
        symbol_key=symbol_key(instrument.symbol),
        lineage_words=tuple(words),
        lineage=msgspec.Raw(canonical_bytes({**lineage.spelled(), "digest": lineage.digest})),
    )


def render_json(row: bytes | np.void, context: RenderContext) -> bytes:
    """Return ``row`` as JSON that fits ``schemas/events/decisions/decided.v1.json``.

    Args:
        row: A row of dtype ``DECISION``, or its bytes.
        context: Of the row's symbol and lineage.

    Raises:
        LeafVersionError: The row is of a layout that is not known here.
        RowUnrenderableError: It is altered, or not of this symbol and lineage.
    """
    return _ENCODER.encode(_decision(_fields(row), context))


def render_decision(row: bytes | np.void, context: RenderContext) -> Decision:
    """Return ``row`` as a typed decision, validated; many times slower than ``render_json``.

    Raises:
        LeafVersionError: The row is of a layout that is not known here.
        RowUnrenderableError: It is altered, or not of this symbol and lineage.
    """
    return Decision.model_validate_json(render_json(row, context))


def _decision(row: DecisionFields, context: RenderContext) -> _Decision:
    """Return ``row`` in words; of what may be not finite the encoder makes null."""
    _check(row, context)
    abstains = row.intent == Intent.ABSTAIN
    stream = _name(_STREAMS, row.stream, "stream")
    source = source_key_of_words(row.source_low, row.source_high).hex()
    context_id = f"{source}:{context.symbol}:{stream}:{row.source_sequence}"
    return _Decision(
        decision_id=context_id + context.suffix,
        context_id=context_id,
        symbol=context.symbol,
        stream=stream,
        source_sequence=str(row.source_sequence),
        sequence=row.sequence,
        event_ns=str(row.event_ns),
        receive_ns=str(row.receive_ns),
        decided_ns=str(row.decided_ns),
        valid_until_ns=str(row.valid_until_ns),
        intent=_name(_INTENTS, row.intent, "intent"),
        path=_name(_PATHS, row.path, "path"),
        mode=_name(_MODES, row.mode, "mode"),
        target_position=None if abstains else row.target,
        delta=None if abstains else row.delta,
        unit=context.unit,
        currency=context.currency,
        reference_price=row.reference_price,
        bid=row.bid,
        ask=row.ask,
        position=row.position,
        position_basis=_name(_BASES, row.basis, "position basis"),
        position_age_ns=_age(row.position_age_ns),
        confidence=row.confidence,
        notional_cap=row.notional_cap,
        allotment=row.allotment,
        paper_equity=row.equity,
        reasons=_codes_of(Reason, row.reasons),
        triggers=_codes_of(Trigger, row.triggers),
        regime=_regime(row, context),
        posterior=dict(zip(context.regimes, row.posterior, strict=False)),
        entropy=row.entropy,
        transition_probability=row.transition,
        expert_scores=dict(zip(_EXPERTS, row.scores, strict=True)),
        router_weights=dict(zip(_EXPERTS, row.weights, strict=True)),
        lead_expert=_name(_EXPERTS, row.lead, "lead expert"),
        blended_score=row.score,
        disagreement=row.disagreement,
        gates=_gates(row, context),
        freshness=_freshness(row, context),
        lineage=context.lineage,
    )


def _fields(row: bytes | np.void) -> DecisionFields:
    """Return the fields of ``row``."""
    raw = row if isinstance(row, bytes) else row.tobytes()
    if len(raw) != (expected := row_bytes(leaf_version(raw))):
        _refuse("a length in bytes", expected, len(raw))
    return decision_fields(raw)


def _check(row: DecisionFields, context: RenderContext) -> None:
    """Refuse a row that is not this symbol's, or that nobody should act on."""
    if row.tag != 0:
        _refuse("tag", 0, row.tag)
    if row.symbol_key != context.symbol_key:
        _refuse(f"the key of {context.symbol}", context.symbol_key, row.symbol_key)
    if row.lineage != context.lineage_words:
        _refuse("the lineage words", context.lineage_words, row.lineage)
    times = (row.event_ns, row.receive_ns, row.decided_ns, row.valid_until_ns)
    if row.sequence >= _SEQUENCE_MAX or min(times) < 0:
        _refuse("sequence and times", "from 0 on", (row.sequence, *times))
    acted_on = (row.bid, row.ask, row.reference_price, row.target, row.delta, row.position)
    limits = (row.confidence, row.notional_cap, row.allotment, row.equity)
    if not all(map(isfinite, acted_on + limits)):
        _refuse("prices, positions and limits", "finite", acted_on + limits)
    sure_at_most = 0.0 if row.intent == Intent.ABSTAIN else 1.0
    if not 0.0 <= row.confidence <= sure_at_most:
        _refuse("a confidence", f"from 0 to {sure_at_most}", row.confidence)


def _gates(row: DecisionFields, context: RenderContext) -> list[_Gate]:
    """Return every gate as judged."""
    if max(row.gate_status) >= len(_STATUSES):
        _refuse("gate statuses", f"below {len(_STATUSES)}", row.gate_status)
    thresholds = list(context.thresholds)
    thresholds[Gate.ALLOTMENT] = row.allotment
    thresholds[Gate.NOTIONAL] = row.notional_cap
    return [
        _Gate(name, _STATUSES[status], value, comparator, limit, unit)
        for (name, comparator, unit), status, value, limit in zip(
            context.gates, row.gate_status, row.gate_value, thresholds, strict=True
        )
    ]


def _freshness(row: DecisionFields, context: RenderContext) -> dict[str, _Freshness]:
    """Return every domain's age, and what the kernel made of it."""
    return {
        name: _Freshness(
            _verdict(age, limit, row.reasons >> bit & 1),
            _age(age),
            None if limit is None else str(limit),
        )
        for name, bit, age, limit in zip(
            _DOMAINS, _STALE_BITS, row.age_ns, context.limits_ns, strict=True
        )
    }


def _verdict(age_ns: int, limit_ns: int | None, stale: int) -> str:
    """Return the freshness of one domain; ``stale`` is the kernel's own judgement."""
    if limit_ns is None:
        return "not-applicable"
    if age_ns < 0:
        return "missing"
    return "stale" if stale else "fresh"


def _regime(row: DecisionFields, context: RenderContext) -> str | None:
    """Return the label of the likeliest regime, None where there is none."""
    return None if row.regime == _NO_REGIME else _name(context.regimes, row.regime, "regime")


def _suffix(lineage: Lineage, run_id: str) -> str:
    """Return what the lineage's arm adds to a context id."""
    package = "" if lineage.arm == SERVING else lineage.package
    return role_suffix(lineage.arm, package=package, run_id=run_id)


def _name(names: Sequence[str], number: int, what: str) -> str:
    """Return the published name of a code."""
    if number >= len(names):
        _refuse(what, f"below {len(names)}", number)
    return names[number]


@lru_cache(maxsize=4096)
def _codes_of(kind: type[Reason | Trigger], word: int) -> tuple[str, ...]:
    """Return the published names of the bits set in ``word``, lowest first."""
    if word >> len(kind):
        _refuse(f"bits of {kind.__name__}", f"below {len(kind)}", hex(word))
    return tuple(name for bit, name in enumerate(_names(kind)) if word >> bit & 1)


def _age(age_ns: int) -> str | None:
    """Return an age, None where nothing was ever seen."""
    return None if age_ns < 0 else str(age_ns)


def _names(kind: type[IntEnum]) -> tuple[str, ...]:
    """Return the published names of a closed world, by number."""
    return tuple(member.name.lower().replace("_", "-") for member in kind)


def _refuse(what: str, expected: object, found: object) -> NoReturn:
    """Refuse the row."""
    raise RowUnrenderableError(what=what, expected=str(expected), found=str(found))


_INTENTS: Final = _names(Intent)
_PATHS: Final = _names(Path)
_MODES: Final = _names(Mode)
_BASES: Final = _names(PositionBasis)
_STREAMS: Final = _names(Stream)
_EXPERTS: Final = _names(Expert)
_STATUSES: Final = _names(GateStatus)
_DOMAINS: Final = _names(Domain)
_STALE_BITS: Final = (Reason.STALE_MARKET, Reason.STALE_NEWS, Reason.STALE_FUNDAMENTALS)
"""The reason for each domain, in the order of ``Domain``."""
