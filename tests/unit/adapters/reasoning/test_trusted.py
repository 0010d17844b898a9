"""Who is believed to be the endpoint, and that nobody reads along."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from torghut.adapters.reasoning.calling import Endpoint, trusted


def test_names_and_certificates_are_checked() -> None:
    found = trusted(Endpoint(url="https://model.example/v1"))

    assert (found.verify_mode, found.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert found.cert_store_stats()["x509_ca"] > 0


def test_no_keys_are_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(written))

    trusted(Endpoint(url="https://model.example/v1"))

    assert not written.exists()
