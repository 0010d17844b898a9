"""Text from somebody else, made fit to be shown: it moves no cursor and begins no line."""

from __future__ import annotations


def plain(text: str) -> str:
    r"""Return ``text`` with whatever is not a visible character spelled out.

    Example:
        >>> plain("as\x1b[2K it\nis"), plain("as it is")
        ('as\\x1b[2K it\\nis', 'as it is')
    """
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
