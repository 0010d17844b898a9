"""``torghut worker``: one of those who decide what Kafka carries."""

from torghut.entrypoints.cli.worker.command import worker

__all__ = ["worker"]
