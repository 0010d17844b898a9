"""Router packages made for tests: a sound one, and one eager enough to trade on made prices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from torghut.artifacts.package import Package, StoredFile, build_package
from torghut.router.package import MODEL_PATH, REGIME_MODEL_KIND, RegimeModel
from torghut.schemas.package import Environment, Provenance

GOLDEN_MODEL: Final = (
    Path(__file__).parents[2] / "replay/golden/messages/artifacts/regime-model.v1/two-regimes.json"
)

CREATED_FROM: Final = Provenance(
    data_digest="ab" * 32,
    window_start_ns=1_388_534_400_000_000_000,
    window_end_ns=1_420_070_399_999_999_999,
    feature_schema="torghut.features.v1",
    seed=7,
    versions={"hmmlearn": "0.3.3"},
    metrics={"held-out-log-likelihood": 1.25},
    environment=Environment(python="3.11.7", system="Linux", machine="x86_64", threads=1),
)


def golden_model() -> dict[str, JsonValue]:
    """Return a sound model of two regimes, as ``model.json`` states it."""
    stated: dict[str, JsonValue] = json.loads(GOLDEN_MODEL.read_bytes())
    return stated


def made_package(
    files: dict[str, StoredFile] | None = None,
    *,
    name: str = "fx-test",
    kind: str = REGIME_MODEL_KIND,
) -> Package:
    """Return a package of ``files``, by default a sound regime model and a tool beside it."""
    if files is None:
        files = {
            MODEL_PATH: StoredFile(body=json.dumps(golden_model()).encode()),
            "tools/refit": StoredFile(body=b"#!/bin/sh\n", mode="0755"),
        }
    return build_package(kind=kind, name=name, files=files, created_from=CREATED_FROM)


def model_package(**change: JsonValue) -> Package:
    """Return a package whose regime model has some keys changed."""
    body = json.dumps({**golden_model(), **change}).encode()
    return made_package({MODEL_PATH: StoredFile(body=body)})


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
    return made_package({MODEL_PATH: StoredFile(body=eager_model(bias).to_bytes())}, name=name)
