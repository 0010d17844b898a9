"""Who runs this process, as it is put on record."""

from __future__ import annotations

import contextlib
import os
import platform
import pwd
from typing import Final

_LONGEST: Final = 200


def person() -> str:
    """Return user and machine, and behind ``sudo`` the user who asked for it."""
    name = str(os.getuid())
    with contextlib.suppress(KeyError):
        name = pwd.getpwuid(os.getuid()).pw_name
    asked = os.environ.get("SUDO_USER", "")
    if asked and asked != name:
        name = f"{asked} as {name}"
    plain = "".join(letter for letter in f"{name}@{platform.node()}" if letter.isprintable())
    return plain[:_LONGEST]
