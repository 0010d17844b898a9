"""The environment is read once, into absolute places or a typed refusal."""

from __future__ import annotations

from pathlib import Path

import pytest

from torghut.settings import (
    ARTIFACT_DIR,
    DECLARATION_FOLDERS,
    DECLARATIONS_DIR,
    KNATIVE_REVISION,
    REVISION,
    DeclarationsMissingError,
    RevisionMalformedError,
    artifact_dir,
    read_settings,
    revision,
    settings,
    standing_in,
)


@pytest.fixture
def declarations(tmp_path: Path) -> Path:
    for name in DECLARATION_FOLDERS:
        (tmp_path / "declared" / name).mkdir(parents=True)
    return tmp_path / "declared"


def test_declarations_are_where_they_were_set(declarations: Path) -> None:
    found = read_settings({"TORGHUT_DECLARATIONS_DIR": str(declarations)})

    assert found.declarations_dir == declarations


def test_set_folder_without_declarations_is_refused_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(DeclarationsMissingError) as refusal:
        read_settings({"TORGHUT_DECLARATIONS_DIR": str(tmp_path)})

    assert refusal.value.looked_in == (tmp_path,)


def test_unset_or_empty_the_checkout_is_found() -> None:
    checkout = Path(__file__).resolve().parents[2]

    assert read_settings({}).declarations_dir == checkout
    assert read_settings({"TORGHUT_DECLARATIONS_DIR": ""}).declarations_dir == checkout


def test_artifacts_go_below_the_working_folder_unless_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert read_settings({}).trading_autonomy_artifact_dir == tmp_path / "var" / "torghut"
    assert read_settings({"TORGHUT_ARTIFACT_DIR": "elsewhere"}).trading_autonomy_artifact_dir == (
        tmp_path / "elsewhere"
    )


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"TORGHUT_CACHE_DIR": "{}/own"}, "own"),
        ({"XDG_CACHE_HOME": "{}/shared"}, "shared/torghut"),
        ({"TORGHUT_CACHE_DIR": "{}/own", "XDG_CACHE_HOME": "{}/shared"}, "own"),
    ],
)
def test_cache_folder_is_the_most_particular_one_set(
    environment: dict[str, str], expected: str, tmp_path: Path
) -> None:
    filled = {name: value.format(tmp_path) for name, value in environment.items()}

    assert read_settings(filled).cache_dir == tmp_path / expected


def test_without_a_home_there_is_no_cache_folder() -> None:
    assert read_settings({}).cache_dir is None


def test_cache_below_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert read_settings({"TORGHUT_CACHE_DIR": str(tmp_path / "file" / "x")}).cache_dir is None


def test_environment_is_read_once() -> None:
    assert settings() is settings()


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ""),
        ({REVISION: "torghut-00042", KNATIVE_REVISION: "other"}, "torghut-00042"),
        ({REVISION: "", KNATIVE_REVISION: "torghut-00041"}, "torghut-00041"),
        ({REVISION: "1.2.0+5aa8eb1a97f1"}, "1.2.0+5aa8eb1a97f1"),
    ],
)
def test_revision_is_the_one_that_was_set_else_knatives(
    environment: dict[str, str], expected: str
) -> None:
    assert revision(environment) == expected


@pytest.mark.parametrize("found", ["-x", "a b", "a/b", "x" * 129, "\u0661"])
def test_malformed_revision_is_refused(found: str) -> None:
    with pytest.raises(RevisionMalformedError, match="TORGHUT_REVISION"):
        revision({REVISION: found})


def test_a_process_stands_in_another_place_only_for_a_while(
    declarations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ARTIFACT_DIR, str(tmp_path / "own"))
    monkeypatch.delenv(DECLARATIONS_DIR, raising=False)
    settings.cache_clear()
    own = settings()

    with standing_in(declarations=declarations, artifacts=tmp_path / "other"):
        assert settings().declarations_dir == declarations
        assert artifact_dir() == tmp_path / "other"

    assert settings() == own
    settings.cache_clear()
