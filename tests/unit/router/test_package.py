"""A regime model is checked wholly before anything is filtered with it."""

from __future__ import annotations

import json
import math
from typing import Final

import pytest
from pydantic import JsonValue

from tests.support.decisions.packages import CREATED_FROM, golden_model, made_package, model_package
from torghut.artifacts.package import StoredFile
from torghut.market.features import VOLATILITY_RATIO
from torghut.router.package import (
    RouterPackageInvalidError,
    read_regime_model,
    regime_model_bytes,
)
from torghut.schemas.codes import REGIME_FEATURES, REGIME_LABELS
from torghut.schemas.package import RegimeModelFile

LOW: Final[list[JsonValue]] = [-0.2, 0.3, 0.4]
HIGH: Final[list[JsonValue]] = [0.35, 0.25, 0.5]


def test_sound_package_is_read() -> None:
    package = made_package()

    model = read_regime_model(package)

    assert (model.name, model.digest) == ("fx-test", package.digest)
    assert (model.start_ns, model.end_ns) == (
        CREATED_FROM.window_start_ns,
        CREATED_FROM.window_end_ns,
    )
    assert model.labels == ("calm", "turbulent")
    assert model.transition == ((0.98, 0.02), (0.05, 0.95))
    assert (model.confidence_bias, model.confidence_score, model.confidence_cost) == (
        -0.1,
        0.8,
        0.5,
    )


def test_model_survives_its_bytes() -> None:
    model = read_regime_model(model_package())
    body = model.to_bytes()

    again = read_regime_model(made_package({"model.json": StoredFile(body=body)}))

    assert again.to_bytes() == body
    assert regime_model_bytes(RegimeModelFile.model_validate_json(body)) == body


@pytest.mark.parametrize("count", REGIME_LABELS)
def test_every_declared_number_of_regimes_is_read(count: int) -> None:
    share: list[JsonValue] = [1.0 / count] * count
    package = model_package(
        labels=list(REGIME_LABELS[count]),
        start=share,
        transition=[share] * count,
        mean=[[0.1 * j, 0.0, 0.0] for j in range(count)],
        variance=[[1.0, 1.0, 1.0]] * count,
    )

    assert len(read_regime_model(package).labels) == count


@pytest.mark.parametrize(
    "change",
    [
        {"labels": ["turbulent", "calm"]},
        {"labels": ["low", "high"]},
        {"labels": []},
        {"labels": ["calm", "normal", "turbulent"]},
        {"labels": ["a", "b", "c", "d", "e"]},
        {"start": [0.75]},
        {"start": [0.75, 0.2]},
        {"start": [1.25, -0.25]},
        {"start": [0.75, 0.25 + 2e-9]},
        {"start": ["0.75", "0.25"]},
        {"start": [0.75, None]},
        {"transition": [[0.98, 0.02]]},
        {"transition": [[0.98, 0.02], [0.05]]},
        {"transition": [[0.98, 0.03], [0.05, 0.95]]},
        {"transition": [[1.02, -0.02], [0.05, 0.95]]},
        {"mean": [LOW]},
        {"mean": [LOW, HIGH[:2]]},
        {"mean": [HIGH, LOW]},
        {"mean": [LOW, LOW]},
        {"variance": [[0.02, 0.03, 0.01], [0.08, 0.0, 0.02]]},
        {"variance": [[0.02, 0.03, 0.01], [0.08, -0.04, 0.02]]},
        {"variance": [[0.02, 0.03, 0.01], [0.08, 5e-324, 0.02]]},
        {"variance": [[0.02, 0.03], [0.08, 0.04]]},
        {"confidence": {"bias": 0.0, "score": 1.0}},
        {"confidence": {"bias": 0.0, "score": 1.0, "cost": True}},
        {"type": "router.regime-model.v2"},
        {"scaling": [1.0]},
    ],
    ids=str,
)
def test_model_that_cannot_be_filtered_with_is_refused(change: dict[str, JsonValue]) -> None:
    with pytest.raises(RouterPackageInvalidError):
        read_regime_model(model_package(**change))


def test_sum_within_rounding_is_a_distribution() -> None:
    assert read_regime_model(model_package(start=[0.75, 0.25 + 5e-10])).start[1] > 0.25


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_number_that_is_not_finite_is_refused(value: float) -> None:
    body = json.dumps({**golden_model(), "start": [0.75, value]}).encode()

    with pytest.raises(RouterPackageInvalidError):
        read_regime_model(made_package({"model.json": StoredFile(body=body)}))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"type": 1, "type": 1}', b"\xff", b"1e999"])
def test_other_bytes_are_no_model(body: bytes) -> None:
    with pytest.raises(RouterPackageInvalidError):
        read_regime_model(made_package({"model.json": StoredFile(body=body)}))


def test_key_given_twice_is_refused() -> None:
    body = json.dumps(golden_model()).replace('"start"', '"start": [0.5, 0.5], "start"', 1).encode()

    with pytest.raises(RouterPackageInvalidError):
        read_regime_model(made_package({"model.json": StoredFile(body=body)}))


def test_other_package_holds_no_model() -> None:
    with pytest.raises(RouterPackageInvalidError):
        read_regime_model(made_package(kind="suite"))
    with pytest.raises(RouterPackageInvalidError):
        read_regime_model(made_package({"other.json": StoredFile(body=b"{}")}))


@pytest.mark.parametrize("feature", range(REGIME_FEATURES))
def test_states_are_ordered_by_the_volatility_feature_alone(feature: int) -> None:
    calm: list[JsonValue] = [0.2] * REGIME_FEATURES
    turbulent: list[JsonValue] = [0.3] * REGIME_FEATURES
    turbulent[feature] = 0.1

    if feature == VOLATILITY_RATIO:
        with pytest.raises(RouterPackageInvalidError, match="rising"):
            read_regime_model(model_package(mean=[calm, turbulent]))
    else:
        assert read_regime_model(model_package(mean=[calm, turbulent])).mean[1][feature] == 0.1
