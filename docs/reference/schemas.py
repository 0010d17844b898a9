"""Writes the published schemas, the API's and the topics' too, so that they say nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from torghut.adapters.filesystem.declared.topics import load_topics
from torghut.carrying import asyncapi
from torghut.entrypoints.api.rest.openapi import document_text
from torghut.schemas.publish import published_texts

FOLDER: Final = Path(__file__).resolve().parents[2] / "schemas"
OPENAPI: Final = "openapi/live.v1.json"
"""Where the API's document is, below the folder."""
ASYNCAPI: Final = "asyncapi/torghut.v1.json"
"""Where the topics' document is."""


def main() -> None:
    """Write all schemas; a file that no model stands for is left, and a test will say so."""
    topics = asyncapi.document_text(load_topics(FOLDER.parent))
    described = {OPENAPI: document_text(), ASYNCAPI: topics}
    for name, text in {**published_texts(), **described}.items():
        path = FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
