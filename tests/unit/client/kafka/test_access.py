"""How a trading loop is let in by brokers, as the environment says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from torghut.client.kafka import access
from torghut.client.kafka.access import Access, BrokerAccessError
from torghut.composition import broker_settings


def options(environment: Mapping[str, str]) -> access.Options:
    return Access(brokers="b:1", variable=environment.get).options()


def test_variables_are_those_of_every_command() -> None:
    for name in ("PROTOCOL", "AUTHORITIES", "CERTIFICATE", "KEY", "MECHANISM", "USER", "PASSWORD"):
        assert getattr(access, name) == getattr(broker_settings, name)


def test_nothing_is_shown_where_nothing_is_said() -> None:
    found = options({})

    assert (found["bootstrap_servers"], found["security_protocol"]) == ("b:1", "PLAINTEXT")
    assert (found["ssl_context"], found["sasl_plain_password"]) == (None, None)


def test_name_and_password_are_read_where_the_protocol_wants_them(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n", encoding="utf-8")
    said = {
        access.PROTOCOL: "sasl-ssl",
        access.USER: "desk",
        access.PASSWORD: str(tmp_path / "password"),
    }

    found = options(said)

    assert (found["sasl_plain_username"], found["sasl_plain_password"]) == ("desk", "secret")
    assert found["ssl_context"] is not None
    assert found["ssl_context"].check_hostname


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (access.PROTOCOL, "carrier-pigeon"),
        (access.MECHANISM, "PLAINER"),
        (access.USER, ""),
        (access.PASSWORD, ""),
        (access.PASSWORD, "/nowhere"),
        (access.AUTHORITIES, "/nowhere"),
        (access.CERTIFICATE, "/nowhere"),
    ],
)
def test_what_cannot_be_is_refused_by_the_name_of_its_variable(
    tmp_path: Path, name: str, value: str
) -> None:
    (tmp_path / "password").write_text("secret\n", encoding="utf-8")
    said = {
        access.PROTOCOL: "sasl-ssl",
        access.USER: "desk",
        access.PASSWORD: str(tmp_path / "password"),
        name: value,
    }
    with pytest.raises(BrokerAccessError, match=name) as caught:
        options({key: found for key, found in said.items() if found})

    assert "secret" not in str(caught.value)
