"""Writes the published JSON Schemas from the models, so that they cannot say anything else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from torghut.schemas.publish import published_texts

FOLDER: Final = Path(__file__).resolve().parents[2] / "schemas"


def main() -> None:
    """Write all schemas; a file that no model stands for is left, and a test will say so."""
    for name, text in published_texts().items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
