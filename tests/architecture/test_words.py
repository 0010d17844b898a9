"""No file names this or that machine, or a host that packages come from."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.architecture.tree import tracked_texts

MACHINE_PATHS: Final = re.compile(
    r"(?<![\w.~-])/(?:work|root|farm|mnt|home/[a-z]\w*|Users/[A-Za-z]\w*|tmp/(?!torghut)[A-Za-z]\w*)/"
)

# Spelt in pieces, so that this file does not hold the words it looks for.
HOSTS: Final = tuple(
    ".".join(pieces)
    for pieces in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("crates", "io"),
        ("npmjs", "org"),
        ("maven", "org"),
        ("maven", "apache", "org"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
    )
)
PIP_OPTIONS: Final = ("--index-" + "url", "--extra-index-" + "url", "--find-" + "links")


def found(text: str) -> list[str]:
    """Return the machine paths, package hosts and pip addresses in ``text``."""
    paths = [match.group() for match in MACHINE_PATHS.finditer(text)]
    return paths + [word for word in (*HOSTS, *PIP_OPTIONS) if word in text]


def test_files_name_no_machine_and_no_host() -> None:
    judged = {name: found(text) for name, text in tracked_texts()}

    assert len(judged) > len(HOSTS)
    assert {name: words for name, words in judged.items() if words} == {}


@pytest.mark.parametrize("planted", ["see /" + "root/x", "/" + "work/main/x", *HOSTS, *PIP_OPTIONS])
def test_planted_word_is_found(planted: str) -> None:
    assert found(f"first line\n{planted}/x\n") != []
