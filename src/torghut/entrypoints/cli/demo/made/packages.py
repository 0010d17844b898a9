"""Three router packages for the made market: one serves, two would.

The one that is better is so by construction: it was given the means and variances that the features
have in each regime of prices made the same way, so it knows what the others have to guess.
"""

from __future__ import annotations

from typing import Final

from torghut.artifacts.package import Package, StoredFile, build_package
from torghut.kernel.digests import sha256_hex
from torghut.router.package import MODEL_PATH, REGIME_MODEL_KIND, regime_model_bytes
from torghut.schemas.package import Confidence, Environment, Provenance, RegimeModelFile

ROUTER: Final = "made-regimes"

_CONFIDENCE: Final = Confidence(bias=2.0, score=0.5, cost=0.1)
_UNKNOWN: Final = 1.0
"""Variance of a feature that a model does not look at."""

_BY_HAND: Final = Provenance(
    data_digest=sha256_hex(b"made by hand for the demo"),
    window_start_ns=978_307_200_000_000_000,
    window_end_ns=1_009_843_199_999_999_999,
    feature_schema="torghut.features.v1",
    seed=0,
    versions={},
    metrics={},
    environment=Environment(python="none", system="none", machine="none", threads=1),
)
"""No machine fitted them on anything; the window is long before anything that is decided."""


def serving() -> Package:
    """Return the package that serves: it knows no regimes, and follows the trend throughout."""
    return _package(
        RegimeModelFile(
            labels=("normal",),
            start=(1.0,),
            transition=((1.0,),),
            mean=((0.0, 0.3, 0.3),),
            variance=((_UNKNOWN, _UNKNOWN, _UNKNOWN),),
            confidence=_CONFIDENCE,
        )
    )


def ordinary() -> Package:
    """Return a challenger such as people think of: it bets that what ran far comes back.

    It tells regimes by how straight prices went, the other way round than the made market does.
    """
    return _two_regimes(
        mean=((-0.05, 0.297, 0.38), (-0.04, 0.082, 0.38)),
        variance=((_UNKNOWN, 0.036, _UNKNOWN), (_UNKNOWN, 0.006, _UNKNOWN)),
        leaving=0.03,
    )


def constructed() -> Package:
    """Return the challenger that was made to be better."""
    return _two_regimes(
        mean=((-0.112, 0.082, 0.37), (0.014, 0.297, 0.401)),
        variance=((0.052, 0.006, 0.035), (0.024, 0.036, 0.038)),
        leaving=0.003,
    )


def _two_regimes(
    *, mean: tuple[tuple[float, ...], ...], variance: tuple[tuple[float, ...], ...], leaving: float
) -> Package:
    """Return a package of a calm and a turbulent regime."""
    return _package(
        RegimeModelFile(
            labels=("calm", "turbulent"),
            start=(0.5, 0.5),
            transition=((1.0 - leaving, leaving), (leaving, 1.0 - leaving)),
            mean=mean,
            variance=variance,
            confidence=_CONFIDENCE,
        )
    )


def _package(model: RegimeModelFile) -> Package:
    """Return a package that holds ``model``."""
    return build_package(
        kind=REGIME_MODEL_KIND,
        name=ROUTER,
        files={MODEL_PATH: StoredFile(body=regime_model_bytes(model))},
        created_from=_BY_HAND,
    )
