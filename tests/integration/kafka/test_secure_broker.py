"""A broker that wants TLS and a password lets in who has both, and nobody learns the password."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from ops.servers.broker import BrokerOptions, SecureListener, free_port, run_broker
from tests.support.carrying.carriers import Owning, says
from tests.support.machine.certificates import self_signed
from tests.support.machine.commands import Ended, typed
from torghut.carrying.errors import BrokerRefusedError
from torghut.composition import brokering
from torghut.settings import settings

USER: Final = "torghut"
PASSWORD: Final = "opensesame"  # noqa: S105 - what must never be seen


@pytest.fixture(scope="module")
def secure(broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Return the secure address of a broker, and who vouches for it."""
    assert broker  # where none can be run, nor can this
    certificate = self_signed(tmp_path_factory.mktemp("secure"), "127.0.0.1")
    listener = SecureListener(
        port=free_port(), certificate=certificate, user=USER, password=PASSWORD
    )
    with run_broker(BrokerOptions(quick=True, secure=listener)):
        yield f"127.0.0.1:{listener.port}", certificate


@pytest.fixture
def let_in(
    secure: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> pytest.MonkeyPatch:
    """Set everything that it takes to be let in."""
    address, authority = secure
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n", encoding="utf-8")
    told = {
        "BOOTSTRAP": address,
        "PROTOCOL": "sasl-ssl",
        "AUTHORITIES_FILE": str(authority),
        "USER": USER,
        "PASSWORD_FILE": str(password),
    }
    for name, value in told.items():
        monkeypatch.setenv(f"TORGHUT_KAFKA_{name}", value)
    return monkeypatch


def asked() -> Ended:
    """Return how it ends to ask for the topics."""
    return typed("topics", "plan", "--budget-ms", "5000")


@pytest.mark.usefixtures("let_in")
def test_who_has_name_and_password_is_let_in() -> None:
    ended = asked()

    assert ended.status == 0, ended.err
    assert "create torghut.market-context.v1" in ended.out


def test_wrong_password_is_told_as_such_and_never_shown(
    let_in: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("opensesam", encoding="utf-8")
    let_in.setenv("TORGHUT_KAFKA_PASSWORD_FILE", str(wrong))

    ended = asked()

    assert (ended.status, ended.err.split(":")[0]) == (3, "carrying.broker-refused")
    assert "opensesam" not in ended.err


def test_wrong_password_is_no_broker_that_is_away_for_who_reads_and_writes_either(
    let_in: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("opensesam", encoding="utf-8")
    let_in.setenv("TORGHUT_KAFKA_PASSWORD_FILE", str(wrong))
    settings.cache_clear()

    async def test() -> None:
        broker = brokering.broker(None, name="tests", budget_ms=5000)
        membership = broker.membership(topic="t", group="g")
        asked = [
            broker.reader().partitions("t"),
            broker.sender().send("t", says("a")),
            broker.voice("t", 0).raise_(),
            membership.join(Owning(membership, {})),
        ]
        for one in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(one, BrokerRefusedError)
            assert "SaslAuthenticationFailed" in str(one)
            assert "opensesam" not in str(one)

    asyncio.run(test())


def test_broker_that_nobody_vouches_for_is_refused(let_in: pytest.MonkeyPatch) -> None:
    let_in.delenv("TORGHUT_KAFKA_AUTHORITIES_FILE")

    ended = asked()

    assert ended.status == 3
    assert "found SSLCertVerificationError: self-signed certificate" in ended.err


def test_who_speaks_plainly_gets_no_answer(let_in: pytest.MonkeyPatch) -> None:
    let_in.setenv("TORGHUT_KAFKA_PROTOCOL", "plaintext")

    assert asked().status == 7
