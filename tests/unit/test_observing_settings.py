"""What the environment says about the service's own log and about traces."""

from __future__ import annotations

import pytest

from torghut.settings import LogLevelUnknownError, TracingTarget, log_level, tracing_target

EVERY = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, "info"), ({"TORGHUT_LOG_LEVEL": ""}, "info"), ({"TORGHUT_LOG_LEVEL": "DEBUG"}, "debug")],
)
def test_lines_are_written_from_info_on_unless_set(
    environment: dict[str, str], expected: str
) -> None:
    assert log_level(environment) == expected


def test_a_level_that_is_none_is_refused_not_passed_over() -> None:
    with pytest.raises(LogLevelUnknownError, match="expected one of debug, info") as refusal:
        log_level({"TORGHUT_LOG_LEVEL": "verbose"})

    assert refusal.value.found == "verbose"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({EVERY: ""}, None),
        ({EVERY: "http://c:4318"}, TracingTarget("http://c:4318/v1/traces", EVERY)),
        ({EVERY: "http://c/otlp/"}, TracingTarget("http://c/otlp/v1/traces", EVERY)),
        ({TRACES: "http://t/x", EVERY: "http://c"}, TracingTarget("http://t/x", TRACES)),
        ({EVERY: "http://c", "OTEL_SDK_DISABLED": "True"}, None),
        ({EVERY: "http://c", "OTEL_SDK_DISABLED": "0"}, TracingTarget("http://c/v1/traces", EVERY)),
    ],
    ids=["unset", "empty", "base", "base with path", "traces first", "disabled", "not disabled"],
)
def test_traces_go_where_the_standard_variables_say(
    environment: dict[str, str], expected: TracingTarget | None
) -> None:
    assert tracing_target(environment) == expected
