"""Metrics are named by the house's rule, and their labels can say what their types say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import IntEnum, StrEnum
from typing import Final, Literal, get_args, get_origin, get_type_hints

import pytest

from torghut.schemas.codes import ControlKind, Intent, Path, Reason, RefusalCode
from torghut.schemas.observing import catalogue
from torghut.schemas.observing.catalogue import FALLBACKS, METRICS, REFUSALS, not_taken
from torghut.schemas.observing.endpoints import ENDPOINTS, endpoint_of, status_class
from torghut.schemas.observing.metric import Counter, Gauge, Histogram, Metric, label_text

NAME: Final = re.compile(r"torghut_[a-z]+(_[a-z]+)+")
PARTIAL: Final[dict[object, Sequence[object]]] = {RefusalCode: REFUSALS, Reason: FALLBACKS}
"""Types of which a label says only some members, and which."""


def constants() -> dict[str, Metric]:
    """Return the catalogue's metrics by the name of their constant."""
    return {name: value for name, value in vars(catalogue).items() if isinstance(value, Metric)}


def declared_type(name: str) -> object:
    """Return what a constant of the catalogue is annotated with."""
    alone = type("Alone", (), {"__annotations__": {name: catalogue.__annotations__[name]}})
    return get_type_hints(alone, globalns=vars(catalogue))[name]


def declared_values(kind: object) -> Sequence[object]:
    """Return every value of a label's type."""
    if kind in PARTIAL:
        return PARTIAL[kind]
    if get_origin(kind) is Literal:
        return get_args(kind)
    assert kind in {Intent, Path, ControlKind}
    assert isinstance(kind, type)
    assert issubclass(kind, IntEnum | StrEnum)
    return list(kind)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_name_says_area_thing_and_unit(metric: Metric) -> None:
    assert NAME.fullmatch(metric.name)
    assert metric.name.endswith("_total") == isinstance(metric, Counter)
    assert metric.name.endswith("_seconds") == (metric.unit == "seconds")
    assert metric.help.endswith(".")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_series_is_known_and_none_is_there_twice(metric: Metric) -> None:
    series = metric.series()

    assert 0 < len(series) == len(set(series)) <= 100
    for labels in series:
        assert len(labels) == len(metric.labels)
        for label, value in zip(metric.labels, labels, strict=True):
            assert value in label.values


def test_labels_can_say_what_their_types_say() -> None:
    for name, metric in constants().items():
        (typed,) = get_args(declared_type(name))
        expected = [list(declared_values(kind)) for kind in get_args(typed)]
        assert [list(label.values) for label in metric.labels] == expected, name
        assert get_origin(typed) is type(metric)


def test_names_are_there_once_and_all_are_listed() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert list(constants().values()) == list(METRICS)
    assert {type(metric) for metric in METRICS} == {Counter, Gauge, Histogram}


def test_two_values_of_a_label_never_read_alike() -> None:
    for metric in METRICS:
        for label in metric.labels:
            assert len(set(map(label_text, label.values))) == len(label.values)


def test_buckets_ascend() -> None:
    for metric in METRICS:
        if isinstance(metric, Histogram):
            assert sorted(set(metric.buckets)) == list(metric.buckets)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_a_known_endpoint_is_counted_as_itself(endpoint: tuple[str, str]) -> None:
    assert endpoint_of(*endpoint) == endpoint


@pytest.mark.parametrize("template", [None, "/v1/made-up", "/metrics/", "unmatched"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "x" * 1000])
def test_whatever_is_asked_for_makes_no_series(template: str | None, method: str) -> None:
    route, counted = endpoint_of(template, method)

    assert route == "unmatched"
    assert (route, counted) in ENDPOINTS


@pytest.mark.parametrize(("status", "expected"), [(101, "1xx"), (299, "2xx"), (600, "5xx")])
def test_a_status_is_counted_by_its_class(status: int, expected: str) -> None:
    assert status_class(status) == expected


def test_a_code_that_is_not_known_is_counted_as_other() -> None:
    assert not_taken("live.queue-full") == "live.queue-full"
    assert not_taken("live.invented") == "other"
