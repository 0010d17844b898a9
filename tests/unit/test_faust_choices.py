"""What the environment says of a worker on Faust is taken or refused before anything begins."""

from __future__ import annotations

import pytest

from torghut.composition.broker_settings import (
    GUARANTEE,
    WEB,
    FaustGuaranteeError,
    FaustWebError,
    faust_choices,
)


def test_nothing_said_is_no_page_and_no_refusal() -> None:
    assert faust_choices({}).web is None
    assert faust_choices({GUARANTEE: "at_least_once", WEB: ""}).web is None


@pytest.mark.parametrize("variable", [GUARANTEE, "PROCESSING_GUARANTEE"])
def test_exactly_once_is_refused_with_the_reason(variable: str) -> None:
    with pytest.raises(FaustGuaranteeError, match="outside its transaction") as refused:
        faust_choices({variable: "exactly_once"})

    assert refused.value.variable == variable


def test_pages_are_for_this_machine_alone() -> None:
    assert faust_choices({WEB: "127.0.0.1:6066"}).web == ("127.0.0.1", 6066)
    assert faust_choices({WEB: "[::1]:6066"}).web == ("::1", 6066)


@pytest.mark.parametrize(
    "found", ["0.0.0.0:6066", "example.org:6066", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536"]
)
def test_pages_that_others_reach_are_refused(found: str) -> None:
    with pytest.raises(FaustWebError):
        faust_choices({WEB: found})
