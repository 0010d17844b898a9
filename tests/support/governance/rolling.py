"""What tests of the rollout's commands share: keys, reports of tests, readings of metrics."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.support.decisions.declared import ROOT
from torghut.adapters.prometheus.page import PrometheusPage
from torghut.artifacts.signatures import fingerprint, parse_private_key
from torghut.schemas.observing.catalogue import BUILD_LABELS, INGRESS_TO_DURABLE
from torghut.settings import DECLARATION_FOLDERS

COMMIT: Final = "ab" * 20


def key_file(path: Path, seed: int = 1) -> Path:
    """Write a private key of somebody's own."""
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def declare(folder: Path, keys: Mapping[str, Path]) -> Path:
    """Write the declarations of this checkout below ``folder``, with keys of people.

    Args:
        folder: Where they go.
        keys: Files of private keys, by role.
    """
    for name in DECLARATION_FOLDERS:
        shutil.copytree(ROOT / name, folder / name)
    lines = ["keys:"]
    for role, path in keys.items():
        key = parse_private_key(path.read_bytes()).public_key()
        raw = base64.b64encode(key.public_bytes_raw()).decode("ascii")
        lines += [
            f"  - role: {role}",
            f"    fingerprint: {fingerprint(key)}",
            f"    public_key: {raw}",
        ]
    place = folder / "governance" / "owners.yaml"
    text = place.read_text(encoding="utf-8")
    assert "keys: []" in text
    place.write_text(text.replace("keys: []", "\n".join(lines)), encoding="utf-8")
    return folder


def junit(path: Path, cases: Sequence[tuple[str, str, str]]) -> Path:
    """Write a JUnit report.

    Args:
        path: Of the file.
        cases: Module as dotted name, test, and ``passed``, ``failed``, ``error`` or ``skipped``.
    """
    told: Mapping[str, str] = {
        "passed": "",
        "failed": '<failure message="no">assert 0</failure>',
        "error": '<error message="no">broken</error>',
        "skipped": '<skipped message="why">x</skipped>',
    }
    lines = [
        f'<testcase classname="{module}" name="{name}" time="0.1">{told[became]}</testcase>'
        for module, name, became in cases
    ]
    body = f'<testsuites><testsuite name="pytest">{"".join(lines)}</testsuite></testsuites>'
    path.write_text(f'<?xml version="1.0" encoding="utf-8"?>{body}', encoding="utf-8")
    return path


def scraped(path: Path, seconds: Sequence[float]) -> Path:
    """Write what the service's page of metrics says after outcomes that took so long."""
    page = PrometheusPage(dict.fromkeys(BUILD_LABELS, "x"))
    page.observe(INGRESS_TO_DURABLE, seconds)
    path.write_bytes(page.text())
    return path


def console_commands(page: str) -> Sequence[str]:
    """Return every command of a page's console blocks, in order."""
    blocks = re.findall(r"```console\n(.*?)```", page, re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]
