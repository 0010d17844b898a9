"""Keeps the output shown in the README equal to what the commands print, timings aside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

README: Final = Path(__file__).resolve().parents[1] / "README.md"

COMMANDS: Final[Mapping[str, Sequence[str]]] = {"demo-output": ("demo",)}
"""The arguments of ``torghut`` whose output stands between each pair of markers."""

MEASURED: Final = (
    (re.compile(r"\d[\d.,]* ?(?:k|M)?(?:/| per )(?:CPU-)?s(?:econd)?\b"), "<rate>"),
    (re.compile(r"\d[\d.,]* ?(?:ns|µs|us|ms|s|min)\b"), "<time>"),
    (re.compile(r"\d[\d.,]* ?(?:kB|MB|GB|KiB|MiB|GiB)\b"), "<size>"),
)
"""What differs between machines: it is masked on both sides of the comparison."""


def masked(text: str) -> str:
    """Return ``text`` with measured figures and trailing blanks taken out."""
    for figure, mask in MEASURED:
        text = figure.sub(mask, text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def shown(block: str) -> str:
    """Return what the README shows between the markers of ``block``, without the fence.

    Raises:
        LookupError: There is no fenced block between the markers.
    """
    pattern = rf"<!-- {block}:begin -->\n```text\n(.*?)```\n<!-- {block}:end -->"
    found = re.search(pattern, README.read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        message = f"expected a fenced block between the {block} markers; `make docs` writes it"
        raise LookupError(message)
    return found[1]


def printed(arguments: Sequence[str], artifacts: Path) -> str:
    """Return what ``torghut`` prints for ``arguments``, with its artifacts in ``artifacts``."""
    settings = {"TORGHUT_ARTIFACT_DIR": str(artifacts), "COLUMNS": "100", "NO_COLOR": "1"}
    ended = subprocess.run(  # noqa: S603 - the arguments are those above
        [Path(sys.executable).with_name("torghut"), *arguments],
        env={**os.environ, **settings},  # noqa: TID251 - a child sees the environment and these
        cwd=artifacts,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        timeout=240,
    )
    return ended.stdout.replace(str(artifacts), "var/torghut")


def write(block: str, output: str) -> None:
    """Put ``output`` between the markers of ``block``, fenced."""
    pattern = rf"(<!-- {block}:begin -->\n).*?(<!-- {block}:end -->)"
    fenced = f"```text\n{output.strip()}\n```\n"
    text = README.read_text(encoding="utf-8")
    README.write_text(
        re.sub(pattern, lambda m: m[1] + fenced + m[2], text, flags=re.DOTALL), encoding="utf-8"
    )


def main() -> None:
    """Run every command and write its output into the README."""
    for block, arguments in COMMANDS.items():
        with tempfile.TemporaryDirectory() as folder:
            write(block, printed(arguments, Path(folder).resolve()))


if __name__ == "__main__":
    main()
