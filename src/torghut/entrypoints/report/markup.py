"""HTML and SVG put together so that text can never become markup."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from torghut.entrypoints.report.figures import printable

VOID: Final = frozenset({"meta", "br", "line", "path", "rect", "use"})
"""Elements without content; those of SVG are closed at once."""

_HTML_VOID: Final = frozenset({"meta", "br"})


class Markup(str):
    """Text that is markup already; everything else is escaped when it is put in."""

    __slots__ = ()


Content = str | Markup


def element(name: str, /, *content: Content, **attributes: str) -> Markup:
    """Return an element.

    Args:
        name: Its name, from the code.
        content: Markup is taken as it is, other text is escaped.
        attributes: A trailing underscore is dropped and the others become hyphens:
            ``class_``, ``data_key``; values are escaped.
    """
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_escaped(value)}"'
        for key, value in attributes.items()
    )
    if name in _HTML_VOID:
        return Markup(f"<{name}{words}>")
    if name in VOID and not content:
        return Markup(f"<{name}{words}/>")
    return Markup(f"<{name}{words}>{joined(content)}</{name}>")


def joined(content: Iterable[Content]) -> Markup:
    """Return pieces one after the other, escaped where they are not markup."""
    return Markup("".join(one if isinstance(one, Markup) else _escaped(one) for one in content))


def _escaped(text: str) -> str:
    """Return text with nothing in it that acts, line breaks excepted."""
    return escape("\n".join(map(printable, text.split("\n"))))
