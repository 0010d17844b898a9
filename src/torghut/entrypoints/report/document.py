"""One HTML file that needs nothing else: its style and script named by digest in its own policy.

So nothing that stands in the data can run, whatever it is.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files

from torghut.entrypoints.report.markup import Markup, element


def document(title: str, body: Markup, *, style: str, script: str = "") -> str:
    """Return a whole page.

    Args:
        title: Of the page.
        body: Its ``body``; it holds ``script`` as it is, where there is one.
        style: Of the page.
        script: That may run; empty: none may.
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(style)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def resource(name: str, *, package: str = __package__ or "") -> str:
    """Return a file that lies beside the modules of ``package``, by default this one's."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return a content policy that lets exactly this style and this script work."""
    runs = f"script-src '{_source(script)}'; " if script else ""
    return (
        f"default-src 'none'; style-src '{_source(style)}'; {runs}"
        "base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    """Return how a content policy names ``text``."""
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
