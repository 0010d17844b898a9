"""A client is told what it needs to be let in, and no message ever holds a secret."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Final

import pytest

from torghut.access.broker import (
    BrokerAccess,
    BrokerSettingError,
    BrokerUnnamedError,
    broker_access,
)
from torghut.access.options import (
    AccessFileError,
    AccessIncompleteError,
    client_options,
)
from torghut.kernel.errors import TorghutError

SECRET: Final = "opensesame"  # noqa: S105 - what must never be seen
ENVIRONMENT: Final = {
    "TORGHUT_KAFKA_BOOTSTRAP": "one:9092,two:9092",
    "TORGHUT_KAFKA_PROTOCOL": "SASL-SSL",
    "TORGHUT_KAFKA_USER": "loop",
}


def with_password(folder: Path, text: str = f"{SECRET}\n", **others: str) -> BrokerAccess:
    """Return how to be let in with the password in a file."""
    file = folder / "password"
    file.write_text(text, encoding="utf-8")
    named = {"TORGHUT_KAFKA_PASSWORD_FILE": str(file), **others}
    return broker_access({**ENVIRONMENT, **named}.get)


def test_name_and_password_reach_the_client(tmp_path: Path) -> None:
    options = client_options(with_password(tmp_path))

    assert options["security_protocol"] == "SASL_SSL"
    assert options["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("loop", SECRET)
    assert options["ssl_context"] is not None
    assert options["ssl_context"].check_hostname
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED


def test_plain_connection_carries_no_secret(tmp_path: Path) -> None:
    options = client_options(with_password(tmp_path, TORGHUT_KAFKA_PROTOCOL="plaintext"))

    assert (options["sasl_plain_password"], options["ssl_context"]) == (None, None)


def test_how_to_be_let_in_holds_no_secret(tmp_path: Path) -> None:
    assert SECRET not in repr(with_password(tmp_path))


@pytest.mark.parametrize("text", ["", "\n", f"{SECRET}\nmore\n"])
def test_password_is_the_only_line_of_its_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(AccessFileError, match="one line that is not empty") as caught:
        client_options(with_password(tmp_path, text))

    assert SECRET not in str(caught.value)


def test_password_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    gone = {**ENVIRONMENT, "TORGHUT_KAFKA_PASSWORD_FILE": str(tmp_path / "gone")}

    with pytest.raises(AccessFileError, match="No such file"):
        client_options(broker_access(gone.get))


@pytest.mark.parametrize("left", ["TORGHUT_KAFKA_USER", "TORGHUT_KAFKA_PASSWORD_FILE"])
def test_half_a_login_is_refused(tmp_path: Path, left: str) -> None:
    with pytest.raises(AccessIncompleteError, match="expected user and password file"):
        client_options(with_password(tmp_path, **{left: ""}))


@pytest.mark.parametrize(
    "variable", ["TORGHUT_KAFKA_AUTHORITIES_FILE", "TORGHUT_KAFKA_CERTIFICATE_FILE"]
)
@pytest.mark.parametrize("text", [SECRET, None])
def test_file_that_is_no_certificate_is_named_and_not_shown(
    tmp_path: Path, variable: str, text: str | None
) -> None:
    file = tmp_path / "file.pem"
    if text is not None:
        file.write_text(text, encoding="utf-8")

    with pytest.raises(AccessFileError) as caught:
        client_options(with_password(tmp_path, **{variable: str(file)}))

    assert f"{variable}: {file}: expected" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_address_given_comes_before_the_environment() -> None:
    assert broker_access(ENVIRONMENT.get, "three:1").bootstrap == "three:1"
    assert broker_access(ENVIRONMENT.get).bootstrap == "one:9092,two:9092"


def test_nobody_says_where_a_broker_is() -> None:
    with pytest.raises(BrokerUnnamedError, match="make kafka"):
        broker_access(dict[str, str]().get)


@pytest.mark.parametrize(
    ("variable", "found"),
    [("TORGHUT_KAFKA_PROTOCOL", "tls"), ("TORGHUT_KAFKA_MECHANISM", "GSSAPI")],
)
def test_setting_that_cannot_be_is_refused(variable: str, found: str) -> None:
    with pytest.raises(BrokerSettingError) as caught:
        broker_access({**ENVIRONMENT, variable: found}.get)

    error: TorghutError = caught.value
    assert variable in str(error)
    assert error.exit_code == 2
