"""The options of ``torghut worker``, as typed and as meant."""

from __future__ import annotations

from pathlib import Path
from typing import TypedDict

from torghut.composition.working import Runtime
from torghut.entrypoints.cli.serve.options import Listen


class WorkerOptions(TypedDict):
    """What was typed."""

    runtime: Runtime
    bootstrap: str | None
    log: str
    group: str
    worker: str
    package: tuple[str, ...]
    advice: Path | None
    listen: Listen
    allow_remote: bool
    tokens: Path | None
    budget_ms: int
