"""Text as it may be shown on any terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a text that does nothing to the terminal it is shown on.

    Example:
        >>> printable("stop\x1b[2J it")
        'stop?[2J it'
    """
    return "".join(letter if letter.isprintable() else "?" for letter in text)
