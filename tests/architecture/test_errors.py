"""Every error has a code of its own, an explanation, and a place in the reference."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from docs.reference.generate import error_classes
from tests.architecture.tree import SOURCE

WELL_FORMED: Final = re.compile(r"(?P<area>[a-z]+)\.[a-z0-9]+(-[a-z0-9]+)*")
AREAS: Final = {path.parent.name for path in SOURCE.rglob("__init__.py")} | {
    "settings",
}
"""Every package, at any depth, and the modules beside them."""


def test_every_error_has_a_code_of_its_own() -> None:
    inherited = [error.__name__ for error in error_classes() if "code" not in vars(error)]
    shared = Counter(error.code for error in error_classes())

    assert inherited == []
    assert [code for code, count in shared.items() if count > 1] == []


def test_codes_are_an_area_and_a_name() -> None:
    for error in error_classes():
        found = WELL_FORMED.fullmatch(error.code)
        assert found is not None, error.code
        assert found["area"] in AREAS, error.code


def test_every_error_is_explained() -> None:
    unexplained = [e.__name__ for e in error_classes() if not (e.__doc__ or "").strip()]

    assert unexplained == []


def test_every_error_is_named_as_one() -> None:
    assert [e.__name__ for e in error_classes() if not e.__name__.endswith("Error")] == []


def test_errors_are_found_where_they_are_defined() -> None:
    assert "settings.declarations-missing" in {error.code for error in error_classes()}
