"""Log events are a closed set of names with plain fields, none of which could hold a secret."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final, get_args, get_type_hints

import pytest

from torghut.adapters.system.journal import is_secret_name
from torghut.schemas.observing.levels import LEVELS
from torghut.schemas.observing.log_event import LogEvent
from torghut.schemas.observing.log_events import LOG_EVENTS

NAME: Final = re.compile(r"[a-z]+(\.[a-z]+(-[a-z]+)*)?")
ENVELOPE: Final = {"time", "level", "event", "worker", "correlation_id", "passed_over"}
PLAIN: Final = {str, int, float, bool}


@pytest.mark.parametrize("event", LOG_EVENTS, ids=lambda event: event.name)
def test_an_event_has_a_name_a_level_and_a_meaning(event: type[LogEvent]) -> None:
    assert NAME.fullmatch(event.name)
    assert event.level in LEVELS
    assert event.__doc__


@pytest.mark.parametrize("event", LOG_EVENTS, ids=lambda event: event.name)
def test_fields_are_plain_and_could_hold_no_secret(event: type[LogEvent]) -> None:
    hints = get_type_hints(event)

    for one in fields(event):
        kind = hints[one.name]
        assert kind in PLAIN or {type(value) for value in get_args(kind)} == {str}
        assert not is_secret_name(one.name)
        assert one.name not in ENVELOPE


def test_names_are_there_once() -> None:
    assert len({event.name for event in LOG_EVENTS}) == len(LOG_EVENTS)
