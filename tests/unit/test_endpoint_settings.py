"""What the environment says of the model's endpoint is whole and safe, or a typed error."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

from torghut.composition.advice.settings import (
    AUTHORITIES,
    ENDPOINT,
    KEY_FILE,
    MODEL,
    EndpointSettingError,
    endpoint_access,
)

SAFE: Final = "https://models.example/v1"
KEY: Final = "sk-a-secret-that-nobody-may-see"


def refused(environment: dict[str, str]) -> EndpointSettingError:
    """Return why an environment is refused."""
    with pytest.raises(EndpointSettingError) as refusal:
        endpoint_access(environment)
    return refusal.value


@pytest.mark.parametrize(
    "url",
    [SAFE, "http://127.0.0.1:8788/v1", "http://[::1]:1/v1", "http://localhost/v1"],
)
def test_another_machine_is_reached_by_https_this_one_by_either(url: str) -> None:
    assert endpoint_access({ENDPOINT: url, MODEL: "m"}).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "models.example/v1",
        "ftp://models.example",
        "https://",
        "https://me:word@models.example/v1",
        f"{SAFE}?key=1",
        f"{SAFE}#part",
        "http://models.example/v1",
        "http://10.0.0.1/v1",
        "http://localhost.models.example/v1",
    ],
)
def test_endpoint_that_cannot_be_or_is_not_safe_is_refused(url: str) -> None:
    assert refused({ENDPOINT: url, MODEL: "m"}).variable == ENDPOINT


def test_password_in_an_address_is_not_repeated() -> None:
    assert "pa55" not in str(refused({ENDPOINT: "https://me:pa55@x/v1", MODEL: "m"}))


def test_endpoint_without_a_model_is_refused() -> None:
    assert refused({ENDPOINT: SAFE}).variable == MODEL


def key_file(folder: Path, text: str = f"{KEY}\n", mode: int = 0o600) -> str:
    """Return the name of a file that holds a token."""
    file = folder / "key"
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return str(file)


def test_key_is_read_from_a_file_of_its_owner_alone_and_never_shown(tmp_path: Path) -> None:
    access = endpoint_access({ENDPOINT: SAFE, MODEL: "m", KEY_FILE: key_file(tmp_path)})

    assert access.key == KEY
    assert KEY not in repr(access)


@pytest.mark.parametrize(
    ("text", "mode"),
    [(KEY, 0o644), ("", 0o600), (f"{KEY} {KEY}", 0o600), ("ü", 0o600), ("k" * 5_000, 0o600)],
    ids=["open", "empty", "two", "not-ascii", "huge"],
)
def test_key_file_that_others_read_or_that_holds_no_token_is_refused(
    tmp_path: Path, text: str, mode: int
) -> None:
    found = refused({ENDPOINT: SAFE, MODEL: "m", KEY_FILE: key_file(tmp_path, text, mode)})

    assert found.variable == KEY_FILE
    assert KEY not in str(found)


def test_pipe_in_the_place_of_the_key_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o600)

    found = refused({ENDPOINT: SAFE, MODEL: "m", KEY_FILE: str(tmp_path / "key")})

    assert found.variable == KEY_FILE


@pytest.mark.parametrize("variable", [KEY_FILE, AUTHORITIES])
def test_file_that_is_not_there_is_refused(tmp_path: Path, variable: str) -> None:
    environment = {ENDPOINT: SAFE, MODEL: "m", variable: str(tmp_path / "none")}

    assert refused(environment).variable == variable
