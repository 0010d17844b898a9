"""A hand-made router package, confident enough to trade on made-up prices."""

from __future__ import annotations

from torghut.artifacts.package import Package, StoredFile, build_package
from torghut.router.package import MODEL_PATH, REGIME_MODEL_KIND, RegimeModel
from torghut.schemas.package import Environment, Provenance


def eager_model(bias: float = 2.0) -> RegimeModel:
    """Return a model of four regimes whose confidence passes every declared floor."""
    stay, leave = 0.94, 0.02
    return RegimeModel(
        labels=("calm", "normal", "elevated", "turbulent"),
        start=(0.25, 0.25, 0.25, 0.25),
        transition=tuple(tuple(stay if i == j else leave for j in range(4)) for i in range(4)),
        mean=((-0.5, 0.1, 0.3), (-0.1, 0.2, 0.4), (0.2, 0.2, 0.5), (0.5, 0.3, 0.6)),
        variance=((0.05, 0.02, 0.05),) * 4,
        confidence_bias=bias,
        confidence_score=0.5,
        confidence_cost=0.1,
        name="made-up",
        digest="0" * 64,
        start_ns=1,
        end_ns=2,
    )


def eager_package(name: str = "fx-intraday", *, bias: float = 2.0) -> Package:
    """Return the package of ``eager_model`` under the router name ``name``."""
    return build_package(
        kind=REGIME_MODEL_KIND,
        name=name,
        files={MODEL_PATH: StoredFile(body=eager_model(bias).to_bytes())},
        created_from=Provenance(
            data_digest="0" * 64,
            window_start_ns=1,
            window_end_ns=2,
            feature_schema="made-up",
            seed=0,
            versions={"made-up": "1"},
            metrics={},
            environment=Environment(python="3.11.0", system="none", machine="none", threads=1),
        ),
    )
