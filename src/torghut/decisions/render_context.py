"""What a row leaves to the declarations, spelled once for all rows of one symbol and lineage.

All that a published decision says and its row does not is written down as text, with a hole
wherever a row differs from the next. Filling the holes costs a third of spelling a decision anew.
The lineage is such a hole as well: each control record makes another one, and leaves all else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import nan
from operator import itemgetter
from typing import Final, TypeAlias

import msgspec
import numpy as np

from torghut.decisions.fold.lineage import Lineage, lineage_words
from torghut.decisions.parameters import gate_thresholds
from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.ids import SERVING, role_suffix, symbol_key
from torghut.schemas.codes import REGIME_LABELS, Domain, Expert, Gate, published_names
from torghut.schemas.declarations.governance import GatePolicies
from torghut.schemas.declarations.instruments import Instrument
from torghut.schemas.leaf import LAYOUTS, value_names

_ENCODER: Final = msgspec.json.Encoder()
_TEXT: Final = "\ue000"
_JSON: Final = "\ue001"
"""Characters for private use mark what is to be filled in: within a text, and for all of a value;
nothing that is declared holds them."""
_HOLE: Final = re.compile(f'(?:"{_JSON}|{_TEXT})([a-z_.0-9]+)(?:{_JSON}"|{_TEXT})'.encode())

Taken: TypeAlias = "itemgetter[tuple[int, ...]]"
"""Takes some of many values."""

SHOWN_FIRST: Final = ("target", "delta")
"""What is shown of a row in any case, and first: an abstention hides it, which is looked at."""

_TEXTS_MAX: Final = 4096
"""Symbols, as declared, whose texts are kept."""

_EXPERTS: Final = published_names(Expert)
_DOMAINS: Final = published_names(Domain)

SPELLED: Final = (
    "word.source",
    "word.stream",
    "word.intent",
    "word.path",
    "word.mode",
    "word.basis",
    "word.lead",
    "json.regime",
    "json.reasons",
    "json.triggers",
    "json.target",
    "json.delta",
    "json.position_age",
    "json.lineage",
    *(f"word.gate.{at}" for at in range(len(Gate))),
    *(f"word.freshness.{at}" for at in range(len(Domain))),
    *(f"json.age.{at}" for at in range(len(Domain))),
)
"""What is spelled of a row beside its values: bare words, and JSON where it may be null."""


@dataclass(frozen=True, slots=True)
class DecisionText:
    """A published decision with holes.

    Attributes:
        constants: What stands between the holes; each second place is one of them.
        shown: Takes what is shown out of a row's values: first ``SHOWN_FIRST``.
        order: Takes what fills the holes, in their order, out of that and what is ``SPELLED``.
    """

    constants: Sequence[bytes]
    shown: Taken
    order: Taken

    def filled(self, pieces: Sequence[bytes]) -> bytes:
        """Return the decision; ``pieces`` are what is shown as JSON, then what is ``SPELLED``."""
        text = list(self.constants)
        text[1::2] = self.order(pieces)
        return b"".join(text)


@dataclass(frozen=True, kw_only=True)
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
        lineage: The lineage as published, in JSON.
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
    lineage: bytes

    @cached_property
    def whose(self) -> tuple[int, ...]:
        """What begins with a row's tag: that, the symbol's key and the lineage."""
        return (0, self.symbol_key, *self.lineage_words)

    @cached_property
    def regime_texts(self) -> Sequence[bytes]:
        """The labels of the posterior's states as JSON."""
        return [_ENCODER.encode(name) for name in self.regimes]

    @cached_property
    def texts(self) -> Mapping[int, DecisionText]:
        """The published decision, open where a row of each layout or its lineage fills it in."""
        standing = list(self.thresholds)
        standing[Gate.ALLOTMENT] = standing[Gate.NOTIONAL] = 0.0  # holes: these stand in the row
        return _texts(replace(self, thresholds=tuple(standing), lineage_words=(), lineage=b""))

    def under(self, lineage: Lineage) -> RenderContext:
        """Return the same under another lineage of the same declarations, package and arm."""
        return replace(self, lineage_words=_words(lineage), lineage=_published(lineage))


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
        lineage_words=_words(lineage),
        lineage=_published(lineage),
    )


def _words(lineage: Lineage) -> tuple[int, ...]:
    """Return what a row of a lineage holds."""
    return tuple(lineage_words(lineage.digest).tolist())


def _published(lineage: Lineage) -> bytes:
    """Return a lineage as published."""
    return canonical_bytes({**lineage.spelled(), "digest": lineage.digest})


def _suffix(lineage: Lineage, run_id: str) -> str:
    """Return what the lineage's arm adds to a context id."""
    package = "" if lineage.arm == SERVING else lineage.package
    return role_suffix(lineage.arm, package=package, run_id=run_id)


@lru_cache(maxsize=_TEXTS_MAX)
def _texts(context: RenderContext) -> Mapping[int, DecisionText]:
    """Return the published decision for each layout of a row, open where rows differ."""
    parts = _HOLE.split(_ENCODER.encode(_decision(context)))
    holes = [name.decode() for name in parts[1::2]]
    texts: dict[int, DecisionText] = {}
    for version in LAYOUTS:
        names = value_names(version)
        shown = (*SHOWN_FIRST, *(name for name in dict.fromkeys(holes) if name in names))
        filling = (*shown, *SPELLED)
        texts[version] = DecisionText(parts, taking(names, shown), taking(filling, holes))
    return texts


def taking(names: Sequence[str], wanted: Sequence[str]) -> Taken:
    """Return what takes two or more of values that are named so."""
    first, second, *others = [names.index(name) for name in wanted]
    return itemgetter(first, second, *others)


def _decision(context: RenderContext) -> dict[str, object]:
    """Return ``schemas.decision.Decision`` with holes for what a row says."""
    named = f"{_text('word.source')}:{context.symbol}:{_text('word.stream')}"
    context_id = f"{named}:{_text('source_sequence')}"
    return {
        "type": "decisions.decided.v1",
        "decision_id": context_id + context.suffix,
        "context_id": context_id,
        "symbol": context.symbol,
        "stream": _text("word.stream"),
        "source_sequence": _text("source_sequence"),
        "sequence": _json("sequence"),
        "event_ns": _text("event_ns"),
        "receive_ns": _text("receive_ns"),
        "decided_ns": _text("decided_ns"),
        "valid_until_ns": _text("valid_until_ns"),
        "intent": _text("word.intent"),
        "path": _text("word.path"),
        "mode": _text("word.mode"),
        "target_position": _json("json.target"),
        "delta": _json("json.delta"),
        "unit": context.unit,
        "currency": context.currency,
        "reference_price": _json("reference_price"),
        "bid": _json("bid"),
        "ask": _json("ask"),
        "position": _json("position"),
        "position_basis": _text("word.basis"),
        "position_age_ns": _json("json.position_age"),
        "confidence": _json("confidence"),
        "notional_cap": _json("notional_cap"),
        "allotment": _json("allotment"),
        "paper_equity": _json("equity"),
        "reasons": _json("json.reasons"),
        "triggers": _json("json.triggers"),
        "regime": _json("json.regime"),
        "posterior": _each("posterior", context.regimes),
        "entropy": _json("entropy"),
        "transition_probability": _json("transition"),
        "expert_scores": _each("scores", _EXPERTS),
        "router_weights": _each("weights", _EXPERTS),
        "lead_expert": _text("word.lead"),
        "blended_score": _json("score"),
        "disagreement": _json("disagreement"),
        "gates": _gates(context),
        "freshness": _freshness(context),
        "lineage": _json("json.lineage"),
    }


def _gates(context: RenderContext) -> list[dict[str, object]]:
    """Return every gate as judged."""
    thresholds: list[object] = list(context.thresholds)
    thresholds[Gate.ALLOTMENT] = _json("allotment")
    thresholds[Gate.NOTIONAL] = _json("notional_cap")
    return [
        {
            "id": name,
            "status": _text(f"word.gate.{at}"),
            "value": _json(f"gate_value.{at}"),
            "comparator": comparator,
            "threshold": threshold,
            "unit": unit,
        }
        for at, ((name, comparator, unit), threshold) in enumerate(
            zip(context.gates, thresholds, strict=True)
        )
    ]


def _freshness(context: RenderContext) -> dict[str, object]:
    """Return every domain's age, and what the kernel made of it."""
    return {
        name: {
            "status": _text(f"word.freshness.{at}"),
            "age_ns": _json(f"json.age.{at}"),
            "limit_ns": None if limit is None else str(limit),
        }
        for at, (name, limit) in enumerate(zip(_DOMAINS, context.limits_ns, strict=True))
    }


def _each(field: str, names: Sequence[str]) -> dict[str, str]:
    """Return an array's values by name."""
    return {name: _json(f"{field}.{at}") for at, name in enumerate(names)}


def _text(name: str) -> str:
    """Return a hole within a text."""
    return f"{_TEXT}{name}{_TEXT}"


def _json(name: str) -> str:
    """Return a hole for all of a value."""
    return f"{_JSON}{name}{_JSON}"
