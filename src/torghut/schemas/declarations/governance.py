"""Governance: gates, portfolio cap, slow-path triggers, owners."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from torghut.kernel.digests import sha256_hex
from torghut.schemas.codes import Gate, published_names
from torghut.schemas.declarations.fields import (
    Amount,
    AssetClass,
    Count,
    Milliseconds,
    Ratio,
    Role,
    Why,
)
from torghut.schemas.types import Added, Message, Sha256


class ByAssetClass(Message):
    """A limit for each asset class that has its own."""

    fx: Annotated[float, Field(ge=0)] | None = None
    crypto: Annotated[float, Field(ge=0)] | None = None
    index: Annotated[float, Field(ge=0)] | None = None


class DeclaredThreshold(Message):
    """A limit declared here, in the gate's unit."""

    default: Annotated[float, Field(ge=0)]
    by_asset_class: ByAssetClass = ByAssetClass()

    def of(self, asset_class: AssetClass) -> float:
        """Return the limit that holds for ``asset_class``."""
        own: float | None = getattr(self.by_asset_class, asset_class)
        return self.default if own is None else own


class TakenThreshold(Message):
    """A limit that is declared or set elsewhere."""

    taken_from: Literal[
        "stop-controls",
        "instrument.domains",
        "instrument.calendar",
        "instrument.sampling.warm_up_samples",
        "instrument.risk.reconcile_tolerance",
        "limits-allotted",
        "mode.notional_cap",
    ]


GateName = Literal[
    "kill-switch",
    "freshness",
    "session",
    "warm-up",
    "spread",
    "volatility",
    "drawdown",
    "confidence-floor",
    "reconciliation",
    "turnover",
    "dwell",
    "allotment",
    "notional",
]
GateUnit = Literal[
    "flag", "age-limits", "samples", "ratio", "probability", "base", "allotments", "s", "quote"
]
"""The unit of a gate's value and threshold, in rows and in published decisions alike."""

DECLARED_GATES: Final = (
    "spread",
    "volatility",
    "drawdown",
    "confidence-floor",
    "turnover",
    "dwell",
)
"""The gates whose threshold stands in the gate policy itself."""


class GatePolicy(Message):
    """One gate: what passes, what failing does, and who answers for it."""

    id: GateName
    comparator: Literal["<=", ">=", "=="]
    unit: GateUnit
    threshold: DeclaredThreshold | TakenThreshold
    on_fail: Annotated[
        Literal["abstain", "no-increase", "clamp"],
        Field(description="What the kernel does; stated here, fixed in code."),
    ]
    owner: Role
    why: Why

    @model_validator(mode="after")
    def _declared_where_needed(self) -> Self:
        declared = isinstance(self.threshold, DeclaredThreshold)
        if declared != (self.id in DECLARED_GATES):
            message = f"a threshold {'taken from elsewhere' if declared else 'declared here'}"
            raise ValueError(message)
        return self


class Portfolio(Message):
    """The cap on all symbols together; each is born with cap / max_symbols."""

    cap: Amount
    max_symbols: Count
    at_par: Annotated[
        tuple[str, ...], Field(min_length=1, description="Quote currencies counted as one.")
    ]


class GatePolicies(Message):
    """Every gate of the decision kernel once, in the order that it applies them."""

    kind: Literal["gate-policies.v1"]
    portfolio: Portfolio
    gates: tuple[GatePolicy, ...]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        expected = list(published_names(Gate))
        if [gate.id for gate in self.gates] != expected:
            message = f"the gates {', '.join(expected)}, once each and in this order"
            raise ValueError(message)
        return self

    def threshold(self, gate: GateName, asset_class: AssetClass) -> float:
        """Return the declared limit of ``gate``, which must be one of ``DECLARED_GATES``."""
        declared = next(policy.threshold for policy in self.gates if policy.id == gate)
        if isinstance(declared, TakenThreshold):
            message = f"the threshold of {gate} is taken from {declared.taken_from}"
            raise TypeError(message)
        return declared.of(asset_class)


class Triggers(Message):
    """What asks for advice on a decision; anything above (news: anything younger) does."""

    entropy_ratio: Ratio
    disagreement_ratio: Annotated[Ratio, Field(description="Weighted deviation of the scores.")]
    transition_probability: Ratio
    news_age_ms: Milliseconds
    notional_ratio: Annotated[Ratio, Field(description="Of the notional cap.")]


class Fallback(Message):
    """The deterministic answer where advice is not to be had: the gated target, clamped."""

    exposure_raise_ratio: Annotated[
        Ratio, Field(description="Of the allotment; absolute exposure that it may add.")
    ]


class AdviceBounds(Message):
    """What advice may change at most, and within which time."""

    budget_ms: Annotated[
        int, Field(ge=50, le=60_000, description="From receiving a context to its decision.")
    ]
    reserve_ms: Annotated[
        int,
        Field(ge=0, le=10_000, description="Of that, for the loop, the kernel and the commit."),
    ]
    exposure_raise_ratio: Annotated[
        Ratio, Field(description="Of the allotment; absolute exposure that an approval may add.")
    ]
    superseded_move_ratio: Annotated[
        Ratio, Field(description="Of the mid price; advice asked further away does not hold.")
    ]

    @model_validator(mode="after")
    def _leaves_time(self) -> Self:
        if self.reserve_ms >= self.budget_ms:
            message = f"a reserve below the budget of {self.budget_ms} ms"
            raise ValueError(message)
        return self


class BreakerTerms(Message):
    """When nobody is asked for a while."""

    failures: Annotated[int, Field(ge=1, le=1000, description="In a row; then it opens.")]
    open_ms: Annotated[
        int, Field(ge=100, le=3_600_000, description="Before one question may try again.")
    ]
    open_max_ms: Annotated[
        int, Field(ge=100, le=86_400_000, description="Each trial that fails doubles the wait.")
    ]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.open_max_ms < self.open_ms:
            message = f"at least {self.open_ms} ms, as long as it is open first"
            raise ValueError(message)
        return self


Tokens = Annotated[int, Field(ge=1, le=1_000_000_000)]


class AskingTerms(Message):
    """What asking may cost, and what of the answers counts."""

    calls_per_hour: Annotated[
        Count,
        Field(description="Questions that begin, each of which has one call a step: four at most."),
    ]
    tokens_per_hour: Tokens
    tokens_per_question: Annotated[
        Tokens, Field(description="Reserved while it is under way, spent where nobody knows.")
    ]
    usd_per_million_tokens: Annotated[
        Amount | SkipJsonSchema[None],
        Added,
        # It says what was spent and limits nothing: another must not change what decisions cite.
        Field(exclude=True, description="Of the dearer kind, read or written; may be left out."),
    ] = None
    at_once: Annotated[int, Field(ge=1, le=1024, description="Questions under way.")]
    confidence_min: Annotated[Ratio, Field(description="Of advice; less than that defers.")]
    passage_age_ms: Annotated[Milliseconds, Field(description="Older news is not shown.")]
    breaker: BreakerTerms

    @model_validator(mode="after")
    def _affords_one(self) -> Self:
        if self.tokens_per_question > self.tokens_per_hour:
            message = f"at most the {self.tokens_per_hour} of an hour for one question"
            raise ValueError(message)
        return self


class ReasoningPolicy(Message):
    """When a decision takes the slow path, and what answers without advice."""

    kind: Literal["reasoning-policy.v1"]
    why: Why
    advice: Annotated[
        Literal["off", "shadow", "active"],
        Field(
            description="Off: measures of advice do not apply while nobody is asked. What is in "
            "force is said by control records alone."
        ),
    ]
    triggers: Triggers
    fallback: Fallback
    bounds: Annotated[
        AdviceBounds | SkipJsonSchema[None],
        Added,
        Field(description="Of advice; without them there is none."),
    ] = None
    asking: Annotated[
        AskingTerms | SkipJsonSchema[None],
        Added,
        Field(description="Of whoever asks; without them nobody is asked."),
    ] = None

    @model_validator(mode="after")
    def _bounded_where_asked(self) -> Self:
        if self.advice != "off" and self.bounds is None:
            message = f"bounds, where advice is {self.advice}"
            raise ValueError(message)
        return self


class Owner(Message):
    """A role, and what it answers for."""

    role: Role
    answers_for: Why


KeyRole = Literal[Role, "scheduler"]
"""What a key may act as: in a role, or as the scheduler."""


class OwnerKey(Message):
    """A public key, and the one role that its holder acts in; who that is stands nowhere."""

    role: Annotated[
        KeyRole,
        Field(description="`scheduler` signs manifests and approves nothing."),
    ]
    fingerprint: Annotated[
        Sha256, Field(description="sha256 of the key's SubjectPublicKeyInfo in DER.")
    ]
    public_key: Annotated[
        str,
        Field(pattern=r"^[A-Za-z0-9+/]{43}=$", description="The raw 32 bytes of Ed25519, base64."),
    ]

    @model_validator(mode="after")
    def _names_itself(self) -> Self:
        if base64.b64encode(self.raw).decode("ascii") != self.public_key:
            message = "public_key in the one base64 text that its bytes have"
            raise ValueError(message)
        if ed25519_fingerprint(self.raw) != self.fingerprint:
            message = f"fingerprint {ed25519_fingerprint(self.raw)}, which public_key has"
            raise ValueError(message)
        return self

    @property
    def raw(self) -> bytes:
        """The key's 32 bytes."""
        return base64.b64decode(self.public_key, validate=True)


def ed25519_fingerprint(raw: bytes) -> str:
    """Return the name of a public key, 64 hexadecimal digits, out of its 32 bytes (RFC 8410)."""
    return sha256_hex(_ED25519_DER + raw)


class Owners(Message):
    """Every role once, and the keys that act in them; people are not named here."""

    kind: Literal["owners.v1"]
    owners: tuple[Owner, ...]
    keys: Annotated[
        tuple[OwnerKey, ...],
        # Whose key counts is asked when something is signed; no decision is made under it, so a
        # key that comes or goes must not change what decisions cite.
        Field(exclude=True, max_length=200, description="Each key once: one key is one person."),
    ] = ()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if sorted(owner.role for owner in self.owners) != sorted(ROLES):
            message = f"the roles {', '.join(ROLES)}, once each"
            raise ValueError(message)
        twice = [name for name, count in Counter(key.raw for key in self.keys).items() if count > 1]
        if twice:
            message = f"each key once, not {ed25519_fingerprint(twice[0])} twice"
            raise ValueError(message)
        return self


_ED25519_DER: Final = bytes.fromhex("302a300506032b6570032100")
"""What stands before the key's bytes in a SubjectPublicKeyInfo."""

ROLES: Final[tuple[Role, ...]] = ("model", "evaluation", "security", "production")
