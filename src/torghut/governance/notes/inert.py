"""Text from somebody else, made fit for a note: Markdown shows it as it is, on one line."""

from __future__ import annotations

import html
import re
from typing import Final

from torghut.kernel.texts import plain

_MARKUP: Final = {ord(one): f"&#{ord(one)};" for one in "[]`*~\\"}
_BEGINS: Final = re.compile(r"\s*(?:[#+=_-]|[0-9]+[.)])")
"""What makes a heading, a list or a rule of a line that begins with it."""


def inert(text: str) -> str:
    """Return ``text`` such that Markdown makes neither markup nor another cell of it."""
    return html.escape(plain(text), quote=False).replace("|", "&#124;")


def words(text: str) -> str:
    """Return free text such that Markdown shows it as it is: no link, no code, no heading, no list.

    Example:
        >>> words("# see [this](http://a) in model_error"), words("1. *now*")
        ('&#35; see &#91;this&#93;(http://a) in model_error', '1&#46; &#42;now&#42;')
    """
    found = inert(text).translate(_MARKUP)
    begins = _BEGINS.match(found)
    if begins is None:
        return found
    place = begins.end() - 1
    return f"{found[:place]}&#{ord(found[place])};{found[begins.end() :]}"
