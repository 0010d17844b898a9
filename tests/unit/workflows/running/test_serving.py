"""One package serves each router name: the one that was chosen, or the only one there is."""

from __future__ import annotations

import pytest

from tests.fakes.packages import InMemoryPackageStore
from tests.support.decisions.declared import shipped
from tests.support.decisions.packages import eager_package
from torghut.artifacts.errors import PackageMissingError
from torghut.workflows.running.serving import PackageAmbiguousError, serving_packages

ONE, OTHER = eager_package(bias=1.0), eager_package(bias=2.0)


def store(*biases: float) -> InMemoryPackageStore:
    """Return a store of packages under the name ``fx-intraday``."""
    made = InMemoryPackageStore()
    for bias in biases:
        made.save(eager_package(bias=bias))
    return made


def test_the_only_package_of_a_name_serves() -> None:
    assert serving_packages(shipped(), store(1.0), {}) == {"fx-intraday": ONE}


def test_names_without_a_package_are_left_out() -> None:
    assert serving_packages(shipped(), store(), {}) == {}


def test_of_several_one_must_be_chosen() -> None:
    with pytest.raises(PackageAmbiguousError) as refusal:
        serving_packages(shipped(), store(1.0, 2.0), {})

    assert refusal.value.name == "fx-intraday"
    assert set(refusal.value.found) == {str(ONE.reference), str(OTHER.reference)}
    for digest in (OTHER.digest, OTHER.digest[:12]):
        chosen = serving_packages(shipped(), store(1.0, 2.0), {"fx-intraday": digest})
        assert chosen == {"fx-intraday": OTHER}


@pytest.mark.parametrize("chosen", [{"fx-intraday": "0123456789ab"}, {"nobody": "0123456789ab"}])
def test_what_is_chosen_must_be_there_and_in_use(chosen: dict[str, str]) -> None:
    with pytest.raises(PackageMissingError, match="0123456789ab"):
        serving_packages(shipped(), store(1.0), chosen)
