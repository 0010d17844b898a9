"""All declarations of a run in one value, and the canonical bytes that name it.

The bytes hold the expanded calendars, so a replay from a log needs neither files nor time zones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import Field, TypeAdapter, ValidationError

from torghut.kernel.canonical import canonical_bytes
from torghut.kernel.errors import ExitCode, TorghutError
from torghut.market.calendars import ExpandedCalendar, session_rows
from torghut.schemas.codes import REGIME_LABELS, Expert, published_names
from torghut.schemas.declarations.calendars import Calendar
from torghut.schemas.declarations.errors import (
    DeclarationBytesError,
    DeclarationConflictError,
    Problem,
)
from torghut.schemas.declarations.governance import GatePolicies, Owners, ReasoningPolicy
from torghut.schemas.declarations.instruments import Instrument
from torghut.schemas.declarations.router import ExpertDeclaration, RouterPolicy
from torghut.schemas.types import Message, Sha256

_TOGETHER: Final = "the declarations together"


class SymbolUndeclaredError(TorghutError):
    """A symbol is used that no instrument declares."""

    code: ClassVar[str] = "declarations.symbol-undeclared"
    exit_code: ClassVar[ExitCode] = ExitCode.USAGE

    def __init__(self, *, symbol: str, declared: Sequence[str]) -> None:
        super().__init__(
            f"expected one of {', '.join(declared)}, found {symbol}; "
            "declare it in streams/instruments"
        )
        self.symbol = symbol
        self.declared = tuple(declared)


Seconds = Annotated[int, Field(ge=-(2**33), lt=2**33)]


class RecordedCalendar(Message):
    """A calendar with its expanded sessions, in seconds since 1970 UTC."""

    declaration: Calendar
    digest: Sha256
    sessions_s: tuple[tuple[Seconds, Seconds], ...]


class RecordedDeclarations(Message):
    """Everything declared for a run, as it is kept in the log."""

    kind: Literal["declarations.v1"] = "declarations.v1"
    instruments: tuple[Instrument, ...]
    calendars: tuple[RecordedCalendar, ...]
    experts: tuple[ExpertDeclaration, ...]
    router: RouterPolicy
    gates: GatePolicies
    reasoning: ReasoningPolicy
    owners: Owners


_ADAPTER: Final[TypeAdapter[RecordedDeclarations]] = TypeAdapter(RecordedDeclarations)


# No slots: the bytes, the digest and the table of symbols are each computed once, when first asked.
@dataclass(frozen=True, kw_only=True, repr=False)
class Declarations:
    """What has been declared, free of contradictions.

    Attributes:
        instruments: Sorted by symbol, each once.
        calendars: Sorted by name, each once.
        experts: All of them, in the order of ``codes.Expert``.

    Raises:
        DeclarationConflictError: The parts contradict one another.
    """

    instruments: tuple[Instrument, ...]
    calendars: tuple[ExpandedCalendar, ...]
    experts: tuple[ExpertDeclaration, ...]
    router: RouterPolicy
    gates: GatePolicies
    reasoning: ReasoningPolicy
    owners: Owners

    def __post_init__(self) -> None:
        problems = [*_order_problems(self), *_instrument_problems(self), *_router_problems(self)]
        if problems:
            raise DeclarationConflictError(file=_TOGETHER, problems=problems)

    @cached_property
    def sessions(self) -> npt.NDArray[np.void]:
        """Every calendar's sessions one after the other, shape (n,), dtype ``SESSION``."""
        return session_rows(self.calendars)

    @cached_property
    def by_symbol(self) -> Mapping[str, Instrument]:
        """The instruments by their symbol."""
        return MappingProxyType({one.symbol: one for one in self.instruments})

    def instrument(self, symbol: str) -> Instrument:
        """Return the instrument called ``symbol``.

        Raises:
            SymbolUndeclaredError: There is none.
        """
        found = self.by_symbol.get(symbol)
        if found is None:
            raise SymbolUndeclaredError(symbol=symbol, declared=sorted(self.by_symbol))
        return found

    @property
    def default_allotment(self) -> Decimal:
        """What a symbol may use before anything is allotted to it, in its quote currency."""
        return self.gates.portfolio.cap / self.gates.portfolio.max_symbols

    @cached_property
    def _bytes(self) -> bytes:
        recorded = RecordedDeclarations(
            instruments=self.instruments,
            calendars=tuple(
                RecordedCalendar(
                    declaration=one.declaration, digest=one.digest, sessions_s=one.intervals
                )
                for one in self.calendars
            ),
            experts=self.experts,
            router=self.router,
            gates=self.gates,
            reasoning=self.reasoning,
            owners=self.owners,
        )
        return canonical_bytes(recorded.model_dump(mode="json"))

    def to_bytes(self) -> bytes:
        """Return the canonical JSON (RFC 8785) that the log keeps."""
        return self._bytes

    @cached_property
    def digest(self) -> str:
        """The sha256 of the canonical bytes, 64 hex digits; it goes into every lineage."""
        return hashlib.sha256(self._bytes).hexdigest()

    @classmethod
    def from_bytes(cls, body: bytes) -> Self:
        """Return the declarations that ``to_bytes`` wrote, without opening files or zones.

        Raises:
            DeclarationBytesError: ``body`` is not exactly what ``to_bytes`` writes.
            DeclarationConflictError: Its parts contradict one another.
        """
        try:
            recorded = _ADAPTER.validate_json(body, strict=True)
        except ValidationError as error:
            found = f"{error.error_count()} values out of place"
            raise DeclarationBytesError(found=found) from error
        calendars = tuple(_calendar_of(one) for one in recorded.calendars)
        declarations = cls(
            instruments=recorded.instruments,
            calendars=calendars,
            experts=recorded.experts,
            router=recorded.router,
            gates=recorded.gates,
            reasoning=recorded.reasoning,
            owners=recorded.owners,
        )
        if declarations.to_bytes() != body:
            raise DeclarationBytesError(found="JSON that is not canonical")
        return declarations


@lru_cache(maxsize=8)
def read_declarations(body: bytes) -> Declarations:
    """Return ``Declarations.from_bytes(body)``, read once however often a log is opened.

    Raises:
        DeclarationBytesError: ``body`` is not exactly what ``to_bytes`` writes.
        DeclarationConflictError: Its parts contradict one another.
    """
    return Declarations.from_bytes(body)


def assemble(
    *,
    instruments: Sequence[Instrument],
    calendars: Sequence[ExpandedCalendar],
    experts: Sequence[ExpertDeclaration],
    router: RouterPolicy,
    governance: tuple[GatePolicies, ReasoningPolicy, Owners],
) -> Declarations:
    """Return the declarations made of these parts, whatever the order they were read in.

    Raises:
        DeclarationConflictError: They contradict one another.
    """
    gates, reasoning, owners = governance
    order = list(published_names(Expert))
    return Declarations(
        instruments=tuple(sorted(instruments, key=lambda one: one.symbol)),
        calendars=tuple(sorted(calendars, key=lambda one: one.name)),
        experts=tuple(sorted(experts, key=lambda one: order.index(one.expert))),
        router=router,
        gates=gates,
        reasoning=reasoning,
        owners=owners,
    )


def _calendar_of(recorded: RecordedCalendar) -> ExpandedCalendar:
    """Return the calendar that was recorded, if its table still has the recorded digest."""
    calendar = ExpandedCalendar(declaration=recorded.declaration, intervals=recorded.sessions_s)
    if calendar.digest != recorded.digest:
        raise DeclarationBytesError(found=f"another table of sessions for {calendar.name}")
    return calendar


def _order_problems(declarations: Declarations) -> Iterator[Problem]:
    """Yield what is there twice, out of order, or missing from a closed set."""
    symbols = [one.symbol for one in declarations.instruments]
    names = [one.name for one in declarations.calendars]
    for key, found in (("instruments", symbols), ("calendars", names)):
        if found != sorted(set(found)):
            yield Problem(
                key=key,
                expected="each once, in order",
                found=", ".join(found),
                advice="remove the repeated one",
            )
    experts = [one.expert for one in declarations.experts]
    expected = list(published_names(Expert))
    if experts != expected:
        yield Problem(
            key="experts",
            expected=", ".join(expected),
            found=", ".join(experts) or "none",
            advice="declare every expert once in router/experts",
        )
    limit = declarations.gates.portfolio.max_symbols
    if len(symbols) > limit:
        yield Problem(
            key="portfolio.max_symbols",
            expected=f"at least {len(symbols)}, one for each instrument",
            found=str(limit),
            advice="raise it, or the symbols together may exceed the cap",
        )


def _instrument_problems(declarations: Declarations) -> Iterator[Problem]:
    """Yield what instruments cite that is not declared."""
    calendars = [one.name for one in declarations.calendars]
    at_par = list(declarations.gates.portfolio.at_par)
    for one in declarations.instruments:
        packages = _packages(declarations.router, one)
        for key, value, known in (
            ("calendar", one.calendar, calendars),
            ("router", one.router, packages),
            ("quote", one.quote, at_par),
        ):
            if value not in known:
                yield Problem(
                    key=f"{one.symbol} {key}",
                    expected=f"one of {', '.join(known)}",
                    found=value,
                    advice="correct it, or declare it there too",
                )


def _packages(router: RouterPolicy, instrument: Instrument) -> list[str]:
    """Return the packages that may serve ``instrument``."""
    match instrument.asset_class:
        case "fx":
            return list(router.packages.fx)
        case "crypto":
            return list(router.packages.crypto)
        case "index":
            return list(router.packages.index)


def _router_problems(declarations: Declarations) -> Iterator[Problem]:
    """Yield weights that no expert's bounds allow, and regimes in which nobody counts."""
    for expert in declarations.experts:
        for key, shares in (
            ("static_weights", declarations.router.static_weights),
            ("defensive_weights", declarations.router.defensive_weights),
        ):
            share: float = getattr(shares, expert.expert)
            if not expert.weight_min <= share <= expert.weight_max:
                yield Problem(
                    key=f"{key}.{expert.expert}",
                    expected=f"from {expert.weight_min} to {expert.weight_max}",
                    found=str(share),
                    advice="change the weight or the expert's bounds",
                )
    for label in sorted({label for labels in REGIME_LABELS.values() for label in labels}):
        reach = [min(getattr(one.affinity, label), one.weight_max) for one in declarations.experts]
        if not sum(reach) > 0.0:
            yield Problem(
                key=f"affinity.{label}",
                expected="a share above 0 for at least one expert",
                found="0 for all",
                advice="say who leads in that regime",
            )
