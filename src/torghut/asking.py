"""The composition root of commands that ask a running service something over HTTP."""

from __future__ import annotations

from torghut.adapters.http.posting import post

__all__ = ["post"]
