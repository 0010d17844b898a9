"""``torghut router``: packages are shown, verified to the byte, fitted, and fitted again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.decisions.declared import ROOT
from tests.support.machine.commands import Ended, typed

BASELINES = ROOT / "router" / "baselines"
FIT = (
    "router", "fit", "--source", "demo:", "--name", "index-trial", "--symbol", "index:SP500",
    "--from", "1999-01-01", "--to", "2006-12-31", "--states", "2", "--seed", "1",
)  # fmt: skip


@pytest.fixture
def packages(folder: Path) -> Path:
    """Return a copy of the packages that are shipped."""
    return Path(shutil.copytree(BASELINES, folder / "packages"))


def named(verb: str, package: str, packages: Path, *arguments: str) -> Ended:
    return typed("router", verb, package, "--packages", str(packages), *arguments)


@pytest.mark.parametrize("name", sorted(path.name for path in BASELINES.iterdir()))
def test_shipped_package_verifies_and_is_shown(packages: Path, name: str) -> None:
    verified = named("verify", name, packages, "--json")
    shown = named("show", name.partition("@")[0], packages)
    whole = named("show", name, packages, "--json").json

    assert (verified.status, shown.status) == (0, 0)
    assert verified.json["package"].startswith(name)
    assert verified.json["package"] in shown.out
    assert "is no evidence" in shown.out
    assert whole["model"]["type"] == "router.regime-model.v1"
    assert whole["training"]["request"]["name"] == name.partition("@")[0]


def test_every_flipped_byte_of_a_package_ends_with_4(packages: Path) -> None:
    folder = next(packages.iterdir())
    for file in sorted(folder.iterdir()):
        body = file.read_bytes()
        for place in range(0, len(body), max(1, len(body) // 7)):
            file.write_bytes(body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
            assert named("verify", folder.name, packages).status == 4, (file.name, place)
        file.write_bytes(body)
    assert named("verify", folder.name, packages).status == 0


def test_file_that_is_not_listed_ends_with_4(packages: Path) -> None:
    folder = next(packages.iterdir())
    (folder / "extra.json").write_text("{}")

    assert named("verify", folder.name, packages).status == 4


def test_unknown_and_malformed_names_are_told_apart(packages: Path) -> None:
    assert named("show", "index-daily@000000000000", packages).status == 4
    assert named("show", "nobody", packages).status == 2


def test_package_is_fitted_kept_and_fitted_again(folder: Path) -> None:
    kept = folder / "kept"

    made = typed(*FIT, "--out", str(kept), "--json")

    assert made.status == 0, made.err
    assert made.json["training"]["request"]["symbols"] == ["index:SP500"]
    assert Path(made.json["folder"]).is_dir()
    assert named("verify", "index-trial", kept).status == 0
    again = typed(
        "router", "fit", "--source", "demo:", "--again", "index-trial", "--packages", str(kept),
        "--json",
    )  # fmt: skip
    assert again.status == 0, again.err
    assert again.json["verdict"] in {"identical", "equivalent"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--source", "demo:"),
        ("--source", "demo:", "--name", "x", "--symbol", "index:SP500", "--from", "1999-01-01"),
        (*FIT[2:], "--sample-interval-ms", "1000"),
        (*FIT[2:], "--from", "2008-01-01"),
        (*FIT[2:], "--name", "Not A Name"),
        (*FIT[2:], "--states", "9"),
    ],
)
def test_fit_that_is_not_whole_is_a_usage_error(folder: Path, arguments: tuple[str, ...]) -> None:
    ended = typed("router", "fit", *arguments, "--out", str(folder / "kept"))

    assert ended.status == 2, ended.err
    assert not (folder / "kept").exists()
