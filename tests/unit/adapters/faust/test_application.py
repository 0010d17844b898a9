"""What Faust is told: who is let in as everywhere, and nothing from its own environment."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth

from torghut.access.options import ClientOptions
from torghut.adapters.faust.application import Terms, new_app


def options(protocol: str, *, user: str | None = None, tls: bool = False) -> ClientOptions:
    """Return what a client is told of a broker."""
    return ClientOptions(
        bootstrap_servers="one:9093,two:9093",
        security_protocol=protocol,
        ssl_context=ssl.create_default_context() if tls else None,
        sasl_mechanism="SCRAM-SHA-512",
        sasl_plain_username=user,
        sasl_plain_password=None if user is None else "word",
    )


def terms(said: ClientOptions) -> Terms:
    """Return how an application is a member."""
    return Terms(options=said, client_id="c", group="g", session_ms=6000, budget_ms=5000)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(options("PLAINTEXT"), id="plaintext"),
        pytest.param(options("SSL", tls=True), id="ssl"),
        pytest.param(options("SASL_PLAINTEXT", user="u"), id="sasl-plaintext"),
        pytest.param(options("SASL_SSL", user="u", tls=True), id="sasl-ssl"),
    ],
)
def test_faust_proves_who_it_is_as_every_client_does(said: ClientOptions, tmp_path: Path) -> None:
    async def test() -> None:
        app = new_app(terms(said), tmp_path)
        found = credentials_to_aiokafka_auth(app.conf.broker_credentials, app.conf.ssl_context)
        for name, value in found.items():
            assert value == dict(said)[name]
        assert found["security_protocol"] == said["security_protocol"]

    asyncio.run(test())


def test_environment_of_faust_says_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROCESSING_GUARANTEE", "exactly_once")
    monkeypatch.setenv("BROKER_URL", "kafka://elsewhere:9092")

    async def test() -> None:
        conf = new_app(terms(options("PLAINTEXT")), tmp_path).conf
        assert str(conf.processing_guarantee) == "ProcessingGuarantee.AT_LEAST_ONCE"
        assert [str(one) for one in conf.broker] == ["kafka://one:9093", "kafka://two:9093"]
        assert not conf.topic_allow_declare

    asyncio.run(test())
