"""An address is shown without its password, however that was given."""

from __future__ import annotations

import pytest

from torghut.adapters.postgres.address import AddressInvalidError, parse_address

SECRET = "s3cr:et/@"  # noqa: S105 -- of nothing


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://who:s3cr%3Aet%2F%40@db.example:5433/torghut",
        "postgres://who@db.example:5433/torghut?password=s3cr%3Aet%2F%40",
    ],
)
def test_password_is_taken_out_of_the_address(text: str) -> None:
    address = parse_address(text)

    assert address.password == SECRET
    assert address.dsn == "postgresql://who@db.example:5433/torghut"
    assert address.name == "torghut"
    assert SECRET not in repr(address)


def test_given_password_takes_precedence() -> None:
    address = parse_address("postgresql://who:old@db/torghut", password=SECRET)

    assert address.password == SECRET
    assert "old" not in address.dsn


def test_address_of_a_socket_keeps_its_folder() -> None:
    address = parse_address("postgresql://torghut@/log?host=/run/some where")

    assert address.dsn == "postgresql://torghut@/log?host=/run/some%20where"
    assert address.password is None


def test_address_with_an_ipv6_host_keeps_its_brackets() -> None:
    assert parse_address("postgresql://a@[::1]:5432/log").dsn == "postgresql://a@[::1]:5432/log"


def test_password_is_hidden_wherever_it_turns_up() -> None:
    address = parse_address("postgresql://a@b/c", password=SECRET)

    assert (
        address.hidden(f"connect as a with {SECRET}: refused") == "connect as a with ***: refused"
    )


@pytest.mark.parametrize(
    "text",
    [
        f"mysql://a:{SECRET}@b/c",
        f"postgresql://a:{SECRET}@b:port/c",
        "postgresql://a:hunter2@b",
        "postgresql://a:hunter2@[b/c",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(AddressInvalidError) as caught:
        parse_address(text)
    assert SECRET not in str(caught.value)
    assert "hunter2" not in str(caught.value)
