"""What every place that keeps packages does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.packages import InMemoryPackageStore
from tests.support.decisions.packages import made_package
from torghut.adapters.filesystem.packages import FolderPackageStore
from torghut.artifacts.errors import PackageDigestError, PackageMissingError
from torghut.artifacts.package import PackageReference
from torghut.artifacts.ports import PackageStore


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> PackageStore:
    if request.param == "memory":
        return InMemoryPackageStore()
    return FolderPackageStore(tmp_path / "router" / "baselines")


def test_saved_package_is_loaded_whole(store: PackageStore) -> None:
    package = made_package()

    store.save(package)

    assert store.load(package.reference) == package
    assert store.load(PackageReference(name="fx-test", digest=package.digest)) == package


def test_saving_again_changes_nothing(store: PackageStore) -> None:
    package = made_package()

    store.save(package)
    store.save(package)

    assert list(store.references()) == [package.reference]


def test_packages_may_share_a_name(store: PackageStore) -> None:
    first, second = made_package(), made_package(kind="other")

    store.save(first)
    store.save(second)

    assert {store.load(one).digest for one in store.references()} == {first.digest, second.digest}


def test_empty_place_has_no_packages(store: PackageStore) -> None:
    assert list(store.references()) == []


def test_references_are_sorted(store: PackageStore) -> None:
    for name in ("c", "a", "b"):
        store.save(made_package(name=name))

    assert [reference.name for reference in store.references()] == ["a", "b", "c"]


@pytest.mark.parametrize("name", ["fx-test", "other"])
def test_absent_package_is_missing(store: PackageStore, name: str) -> None:
    with pytest.raises(PackageMissingError):
        store.load(PackageReference(name=name, digest="0" * 12))


def test_package_with_the_same_first_digits_is_not_taken_for_it(store: PackageStore) -> None:
    package = made_package()
    store.save(package)
    other = package.digest[:12] + ("0" if package.digest[12] != "0" else "1") * 52

    with pytest.raises(PackageDigestError):
        store.load(PackageReference(name=package.name, digest=other))
