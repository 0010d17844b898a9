"""Declaration folders are read whole, or refused by the name of the file that is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.decisions.declared import FILES, ROOT, shipped
from torghut.adapters.filesystem.declaration_text import load_live_policy
from torghut.adapters.filesystem.declarations import load
from torghut.adapters.filesystem.declared.staging import load_staging
from torghut.adapters.filesystem.declared.topics import load_topics
from torghut.adapters.filesystem.governing import load_governing
from torghut.schemas.declarations.errors import (
    DeclarationConflictError,
    DeclarationContentError,
    DeclarationError,
    DeclarationMissingError,
    DeclarationSyntaxError,
)

ONE_OF_MANY = [file for file in FILES if file.startswith(("streams/instruments", "streams/topics"))]
"""Files of which there may be any number."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a copy of the shipped declarations."""
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / file, tmp_path / file)
    return tmp_path


def load_all(root: Path) -> None:
    """Read every declaration, those too which enter no decision."""
    load_topics(root)
    load_live_policy(root)
    load_governing(root)
    load_staging(root)
    load(root)  # the calendars in it take longest


def test_a_copy_has_the_same_digest(root: Path) -> None:
    assert load(root).digest == shipped().digest


def test_line_ends_and_remarks_do_not_change_the_digest(root: Path) -> None:
    file = root / "router/policy.yaml"
    text = "# a remark\n" + file.read_text(encoding="utf-8")
    file.write_bytes(text.replace("\n", "\r\n").encode())

    assert load(root).digest == shipped().digest


@pytest.mark.parametrize("file", FILES)
def test_unknown_key_in_any_file_is_refused_by_name(root: Path, file: str) -> None:
    with (root / file).open("a", encoding="utf-8") as stream:
        stream.write("surprise: 1\n")

    with pytest.raises(DeclarationContentError, match=f"{file}: .*surprise: expected a known key"):
        load_all(root)


@pytest.mark.parametrize("file", FILES)
def test_repeated_key_in_any_file_is_refused_by_name(root: Path, file: str) -> None:
    with (root / file).open("a", encoding="utf-8") as stream:
        stream.write("kind: again.v1\n")

    with pytest.raises(DeclarationSyntaxError, match=f"{file}: line .* each key once"):
        load_all(root)


@pytest.mark.parametrize("file", [file for file in FILES if file not in ONE_OF_MANY])
def test_missing_file_is_refused(root: Path, file: str) -> None:
    (root / file).unlink()

    with pytest.raises((DeclarationMissingError, DeclarationConflictError)):
        load_all(root)


@pytest.mark.parametrize("folder", ["streams/instruments", "streams/calendars", "router/experts"])
def test_missing_folder_is_refused_by_name(root: Path, folder: str) -> None:
    shutil.rmtree(root / folder)

    with pytest.raises(DeclarationMissingError, match=f"{folder}: the file: expected at least one"):
        load(root)


@pytest.mark.parametrize(
    ("body", "expected"),
    [(b"\xff\xfe", "UTF-8"), (b"#" * (1 << 20) + b"#", "at most 1048576 bytes")],
)
def test_file_that_is_no_text_is_refused(root: Path, body: bytes, expected: str) -> None:
    (root / "governance/owners.yaml").write_bytes(body)

    with pytest.raises(
        DeclarationMissingError, match=f"owners.yaml: the file: expected {expected}"
    ):
        load(root)


def test_folder_in_place_of_a_file_is_refused(root: Path) -> None:
    (root / "governance/owners.yaml").unlink()
    (root / "governance/owners.yaml").mkdir()

    with pytest.raises(DeclarationMissingError, match="expected a file that can be read"):
        load(root)


def test_same_symbol_in_two_files_is_refused(root: Path) -> None:
    folder = root / "streams/instruments"
    shutil.copyfile(folder / "fxcm-EURUSD.yaml", folder / "fxcm-EURUSD-again.yaml")

    with pytest.raises(DeclarationConflictError, match="instruments: expected each once"):
        load(root)


def test_same_expert_in_two_files_is_refused(root: Path) -> None:
    shutil.copyfile(root / "router/experts/trend.yaml", root / "router/experts/trend-again.yaml")

    with pytest.raises(DeclarationConflictError, match="experts: expected trend, reversal"):
        load(root)


def test_every_refusal_is_one_kind_of_error(root: Path) -> None:
    (root / "router/policy.yaml").write_text("kind: !!str router-policy.v1\n", encoding="utf-8")

    with pytest.raises(DeclarationError, match=r"router/policy\.yaml: line 1, column 7"):
        load(root)
