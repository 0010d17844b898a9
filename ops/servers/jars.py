"""The jars of one Kafka node: fetched once by Maven, and never used unless every one is whole.

``python -m ops.servers.jars`` fetches what is missing; with ``--record`` it writes the digests of
what ``ops/kafka/pom.xml`` names by now into ``ops/kafka/SHA256SUMS``.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
POM: Final = ROOT / "ops" / "kafka" / "pom.xml"
SUMS: Final = ROOT / "ops" / "kafka" / "SHA256SUMS"
LIBS: Final = ROOT / "var" / "kafka" / "libs"
"""Where the jars are kept, out of reach of git."""

FETCH_S: Final = 400
"""Longest that Maven may take, in seconds."""

_SHOWN: Final = 300


class BrokerUnavailableError(RuntimeError):
    """No Kafka node can be run on this machine; the message says what is missing, in one line."""


def jars(libs: Path = LIBS) -> Path:
    """Return the folder of the jars, which are fetched first where one is missing or not whole.

    Raises:
        BrokerUnavailableError: They cannot be had.
    """
    libs.parent.mkdir(parents=True, exist_ok=True)
    with alone(libs.parent / "lock"):
        if _digests(libs) != recorded():
            _fetch(libs)
            if (found := _digests(libs)) != recorded():
                raise BrokerUnavailableError(_difference(recorded(), found))
    return libs


def recorded(sums: Path = SUMS) -> Mapping[str, str]:
    """Return the sha256 that every jar must have, by its file's name."""
    lines = (line.split("  ", 1) for line in sums.read_text(encoding="utf-8").splitlines())
    return {name: digest for digest, name in lines}


def record() -> int:
    """Fetch what the pom names, write its digests down as those to expect, and count them."""
    LIBS.parent.mkdir(parents=True, exist_ok=True)
    _fetch(LIBS)
    found = _digests(LIBS)
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(found.items()))
    SUMS.write_text(text, encoding="utf-8")
    return len(found)


def _fetch(libs: Path) -> None:
    """Let Maven copy the jars; nobody sees a half of them, for they come by one rename.

    Raises:
        BrokerUnavailableError: Maven is not installed, or could not.
    """
    maven = shutil.which("mvn")
    if maven is None:
        message = "no Kafka: no mvn on the path to fetch it with; install Maven"
        raise BrokerUnavailableError(message)
    with tempfile.TemporaryDirectory(dir=libs.parent) as folder:
        copied = Path(folder) / "libs"
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={copied}"]
        try:
            ended = subprocess.run(
                [maven, "-B", "-q", "-f", str(POM), *goal],
                check=False,
                capture_output=True,
                text=True,
                timeout=FETCH_S,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired as error:
            message = f"no Kafka: mvn fetched for {FETCH_S} s and was not done; try again"
            raise BrokerUnavailableError(message) from error
        if ended.returncode or not copied.is_dir():
            said = " ".join((ended.stdout + ended.stderr).split())[:_SHOWN]
            message = f"no Kafka: mvn could not fetch it: {said}"
            raise BrokerUnavailableError(message)
        shutil.rmtree(libs, ignore_errors=True)
        copied.rename(libs)


def _digests(libs: Path) -> Mapping[str, str]:
    """Return the sha256 of every jar that is there, by its file's name."""
    return {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in libs.glob("*.jar")}


def _difference(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Return in one line which jars are not those that were recorded."""
    odd = sorted(
        name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name)
    )
    named = ", ".join(odd[:3])
    return f"no Kafka: {len(odd)} jars are not those of {SUMS.relative_to(ROOT)}, such as {named}"


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Let one process at a time look, and make what is missing."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def main(arguments: list[str]) -> int:
    """Fetch the jars, or record those of a changed pom; say how many there are."""
    try:
        count = record() if "--record" in arguments else len(list(jars().glob("*.jar")))
    except BrokerUnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{count} jars, each as {SUMS.relative_to(ROOT)} has it")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
